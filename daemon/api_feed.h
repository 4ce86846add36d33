// GET /events: one stream of all jobs that the caller may see, and of what the daemon does.
//
//   history    once, at the start: the overviews of the last minutes, as numbers
//   archive    a job, with short lists: at the start the newest 100, then each that changes
//   overview   once a second: jobs by state, throughput, requests, part memory
//
// One coroutine renders each job that has changed, at most every feed_interval, once for all who
// watch; a stream writes those it has not written yet and its caller may see. A newer rendering
// takes the place of the older one, so a slow stream misses steps, never how a job ends. What is
// kept is bounded; a stream that lags behind it begins anew with the newest jobs.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "archive/engine.h"
#include "daemon/access.h"
#include "daemon/api_state.h"
#include "daemon/api_stream.h"
#include "daemon/api_wakeup.h"
#include "daemon/job_engine.h"
#include "daemon/job_service.h"

namespace s3zipd {

struct ApiContext;

// Thread-safe. Lives as long as the API; the jobs and the engine outlive it.
class JobFeed {
  public:
    class Watch;

    JobFeed(JobService& jobs, JobEngine& engine, const ApiLimits& limits,
            std::shared_ptr<Gate> gate)
        : jobs_(jobs), engine_(engine), limits_(limits), gate_(std::move(gate)) {}
    // On its own strand, until the context ends. Before anybody watches.
    void start(boost::asio::io_context& io);
    // Every stream ends, those that begin later too.
    void close();

    // Calls on_update, which may only post, whenever there is something new.
    std::unique_ptr<Watch> watch(std::shared_ptr<const Caller> caller,
                                 std::function<void()> on_update);

  private:
    using Clock = std::chrono::steady_clock;
    struct Step {
        std::shared_ptr<const archive::Job> job;  // for who may see it
        std::string text;                         // an event, as it is sent
    };
    struct Sample {
        std::int64_t unix_ms = 0;
        std::uint64_t read_bytes = 0, written_bytes = 0, requests = 0;  // a second
        std::uint64_t memory_in_use_bytes = 0;
    };

    boost::asio::awaitable<void> run(std::shared_ptr<Wakeup> wakeup);
    void render_changes();
    void add(const JobView& job);
    void forget(const std::string& id);
    void sample();
    std::string overview(const Sample& sample, const archive::EngineStats& stats);
    std::string history() const;
    std::string newest(const Caller& caller) const;
    void notify_all();
    void leave(std::uint64_t watcher);

    JobService& jobs_;
    JobEngine& engine_;
    const ApiLimits& limits_;
    const std::shared_ptr<Gate> gate_;
    std::function<void()> wake_;  // of run(): there is somebody

    // Of run() alone.
    Clock::time_point sampled_at_{}, count_at_{};
    archive::EngineStats last_stats_;
    JobCounts counts_;

    mutable std::mutex mutex_;  // guards those below
    std::map<std::uint64_t, std::function<void()>> watchers_;
    std::uint64_t last_watcher_ = 0;
    bool closed_ = false;
    std::map<std::uint64_t, std::shared_ptr<const Step>> steps_;  // by number, newest last
    std::map<std::string, std::uint64_t> number_of_;              // by job
    std::uint64_t last_number_ = 0;
    std::uint64_t lost_number_ = 0;  // who has not written this step has missed a job
    std::uint64_t steps_bytes_ = 0;
    std::deque<Sample> samples_;
    std::shared_ptr<const std::string> overview_;
};

// One stream's place in it. On the stream's strand.
class JobFeed::Watch {
  public:
    Watch(JobFeed& feed, std::shared_ptr<const Caller> caller, std::uint64_t watcher)
        : feed_(feed), caller_(std::move(caller)), watcher_(watcher) {}
    ~Watch() { feed_.leave(watcher_); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // What it has not got yet, some of it; empty: nothing is new.
    std::string next();
    bool ended() const;

  private:
    JobFeed& feed_;
    const std::shared_ptr<const Caller> caller_;
    const std::uint64_t watcher_;
    bool begun_ = false;
    std::uint64_t written_ = 0;  // the number of the last step
    std::shared_ptr<const std::string> overview_;
};

// Writes the head of the answer and events, until `time` is over, and feed_time at most: so a
// caller whose token is taken away is not told for ever. The connection is of no use afterwards.
boost::asio::awaitable<void> stream_feed(ApiContext& context, ApiStream& stream, std::string head,
                                         std::shared_ptr<const Caller> caller,
                                         std::chrono::milliseconds time);

}  // namespace s3zipd
