// The jobs: accepted, queued by priority and age, run a few at a time, cancelled, remembered for a
// while after their end.
//
// Thread-safe; every call is short (it never waits for S3). It owns one thread, which hears of
// changes from the engine and measures rates. All is in memory: a restart forgets it. Bounded by
// JobLimits: too many jobs waiting, or too many bytes of requests, is the error `queue_full`; ended
// jobs are forgotten oldest first. The engine must outlive it, but may still call back afterwards.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>

#include "archive/job.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "daemon/idempotency.h"
#include "daemon/job_engine.h"
#include "daemon/job_view.h"
#include "daemon/rate_meter.h"

namespace s3zipd {

class JobService {
  public:
    JobService(JobEngine& engine, JobLimits limits, base::Clock& clock);
    ~JobService();
    JobService(const JobService&) = delete;
    JobService& operator=(const JobService&) = delete;

    // Errors: queue_full, stopping, idempotency_key_reused. The same key and body give the same job
    // again.
    base::Result<JobView> submit(archive::ArchiveRequest request,
                                 std::optional<IdempotencyKey> key = std::nullopt);
    std::optional<JobView> find(std::string_view id) const;
    JobPage list(const ListQuery& query) const;
    // A waiting job ends at once, a running one soon. Errors: not_found, already_ended.
    base::Result<JobView> cancel(std::string_view id);

    // Calls `on_end` once when the job ends, with a lock held: it may only post. Returns a token to
    // unsubscribe with; a job that has ended already is never heard of again, so look after
    // subscribing.
    std::uint64_t subscribe(std::string_view id, std::function<void()> on_end);
    void unsubscribe(std::uint64_t token);

    JobCounts counts() const;
    const JobLimits& limits() const { return limits_; }

    // No new jobs; cancels all, waits until those running have ended. False: some had not when time
    // was up.
    bool shutdown(std::chrono::milliseconds timeout);

  private:
    struct Record {
        base::UtcTime created_at;
        std::shared_ptr<archive::Job> job;
        std::uint64_t bytes = 0;  // of memory, estimated
        RateMeter rate;
        std::string idempotency_key;
        bool ended = false;  // counted as such; the job itself may be ahead
    };
    struct Inbox;
    using Jobs = std::map<std::string, Record, std::less<>>;
    using QueueKey = std::tuple<int, std::string>;  // -priority, id: first is next

    void run_thread();
    void start_ready();
    void on_change(const std::string& id);
    void sample_rates();
    // REQUIRES mutex_ for those below.
    JobView view_of(const Jobs::value_type& entry) const;
    std::string next_id(base::UtcTime now);
    bool has_room_for(std::uint64_t bytes) const;
    JobView finish(Jobs::iterator at);  // to be logged when mutex_ is free
    void forget_old();
    void forget(const std::string& id);

    JobEngine& engine_;
    const JobLimits limits_;
    base::Clock& clock_;
    const std::shared_ptr<Inbox> inbox_;

    mutable std::mutex mutex_;  // guards all below
    std::condition_variable all_ended_;
    base::Random random_;
    base::UtcTime last_id_time_{};
    bool stopping_ = false;
    Jobs jobs_;  // by id, so by age
    std::set<QueueKey> queue_;
    std::set<std::string> running_;
    std::deque<std::string> ended_;  // oldest end first
    JobCounts totals_;               // by_state is counted on demand
    IdempotencyKeys keys_;
    struct Subscription {
        std::string id;
        std::function<void()> on_end;
    };
    std::map<std::uint64_t, Subscription> subscriptions_;
    std::uint64_t next_token_ = 1;

    std::thread thread_;
};

}  // namespace s3zipd
