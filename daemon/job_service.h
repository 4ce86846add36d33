// The jobs: accepted, queued by priority and age, run a few at a time, cancelled, remembered for a
// while after their end.
//
// Thread-safe; every call is short (it never waits for S3). It owns one thread, which hears of
// changes from the engine and measures rates. All is in memory: a restart forgets it. Bounded by
// JobLimits: too many jobs waiting, or too many bytes of requests, is the error `queue_full`; ended
// jobs are forgotten oldest first. The engine must outlive it, but may still call back afterwards.
#pragma once

#include <array>
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
#include <vector>

#include "archive/job.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "config/limits.h"
#include "daemon/job_engine.h"
#include "daemon/rate_meter.h"

namespace s3zipd {

inline constexpr std::size_t kJobStateCount = 7;

struct JobLimits {
    std::size_t running_max = 8;
    std::size_t queued_max = 10'000;
    std::size_t kept_max = 10'000;
    std::uint64_t live_bytes_max = config::kJobsLiveBytesMax;
    std::uint64_t ended_bytes_max = config::kJobsEndedBytesMax;
    std::size_t idempotency_keys_max = config::kIdempotencyKeysMax;
};

// What anybody may know of a job at one moment.
struct JobView {
    std::string id;
    base::UtcTime created_at;
    std::shared_ptr<const archive::Job> job;  // for its request
    archive::JobSnapshot snapshot;
    std::uint64_t bytes_per_second = 0;  // now; of an ended job: over its whole run
    std::optional<std::uint64_t> eta_seconds;
};

// A client's name for one submission, and what was submitted under it. The digest is no
// secret-keeper: the key is the client's own, and it can only fool itself.
struct IdempotencyKey {
    std::string key;
    std::uint64_t body_digest = 0;
    std::size_t body_bytes = 0;
};
std::uint64_t digest_of(std::string_view body);

struct ListQuery {
    std::optional<archive::JobState> state;
    std::size_t limit = config::kListLimitDefault;
    std::string cursor;  // the last id of the page before; empty: from the newest
};
struct JobPage {
    std::vector<JobView> jobs;  // newest first
    std::string next_cursor;    // empty: no more
};

struct JobCounts {
    std::array<std::uint64_t, kJobStateCount> by_state{};     // jobs known now
    std::array<std::uint64_t, kJobStateCount> ended_total{};  // since start; ended states only
    std::uint64_t archive_bytes_total = 0;
    std::uint64_t live_bytes = 0, ended_bytes = 0;  // of memory, estimated
};

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
    struct Record;
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
    void remember_key(IdempotencyKey key, const std::string& id);
    void finish(Jobs::iterator at);
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
    struct Submission {
        IdempotencyKey key;
        std::string id;
    };
    std::map<std::string, Submission, std::less<>> submissions_;  // by key
    std::deque<std::string> submission_order_;                    // keys, oldest first
    struct Subscription {
        std::string id;
        std::function<void()> on_end;
    };
    std::map<std::uint64_t, Subscription> subscriptions_;
    std::uint64_t next_token_ = 1;

    std::thread thread_;
};

}  // namespace s3zipd
