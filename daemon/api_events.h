// GET /archives/{id}/events: streams of what becomes of a job.
//
// One coroutine looks at the jobs that are watched, at most every event_interval, and renders what
// has changed, once for all who watch; a stream writes the newest rendering that it has not written
// yet. So what thousands of watchers cost is their writes, and a slow one misses steps, never the
// end. They are told a few at a time, with pauses: others are answered in between.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/api_state.h"
#include "daemon/api_stream.h"
#include "daemon/api_wakeup.h"
#include "daemon/job_service.h"

namespace s3zipd {

struct ApiContext;

// Thread-safe. Lives as long as the API; the jobs outlive it.
class EventHub {
  public:
    struct Update {
        std::string text;   // an event, as it is sent
        bool last = false;  // no other comes
    };
    class Watch;

    EventHub(JobService& jobs, const ApiLimits& limits, std::shared_ptr<Gate> gate)
        : jobs_(jobs), limits_(limits), gate_(std::move(gate)) {}
    // On its own strand, until the context ends. Before anybody watches.
    void start(boost::asio::io_context& io);

    // Calls on_update, which may only post, whenever the Watch has another update.
    std::unique_ptr<Watch> watch(const std::string& id, std::function<void()> on_update);

  private:
    struct Topic;
    boost::asio::awaitable<void> run(std::shared_ptr<Wakeup> wakeup);
    std::vector<std::shared_ptr<Topic>> topics_to_look_at(bool all);
    bool try_refresh(Topic& topic);
    bool refresh(Topic& topic);  // true: its watchers are to be told
    boost::asio::awaitable<void> tell(const Topic& topic, std::size_t& done);
    void leave(const std::shared_ptr<Topic>& topic, std::uint64_t watcher);

    JobService& jobs_;
    const ApiLimits& limits_;
    const std::shared_ptr<Gate> gate_;
    // run(): there is somebody, or a job has ended. The Wakeup is run()'s, since its timer may not
    // outlive the context.
    std::function<void()> wake_;

    std::mutex mutex_;  // guards those below, and the topics' watchers and updates
    std::map<std::string, std::shared_ptr<Topic>> topics_;  // by job
    std::uint64_t watchers_ = 0;
};

class EventHub::Watch {
  public:
    Watch(EventHub& hub, std::shared_ptr<Topic> topic, std::uint64_t number)
        : hub_(hub), topic_(std::move(topic)), number_(number) {}
    ~Watch() { hub_.leave(topic_, number_); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    std::shared_ptr<const Update> latest() const;

  private:
    EventHub& hub_;
    const std::shared_ptr<Topic> topic_;
    const std::uint64_t number_;
};

// Writes the head of the answer, events and end; the connection is of no use afterwards.
boost::asio::awaitable<void> stream_events(ApiContext& context, ApiStream& stream, std::string head,
                                           std::shared_ptr<const Caller> caller, std::string id);

}  // namespace s3zipd
