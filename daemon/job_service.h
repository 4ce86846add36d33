// The jobs: accepted, queued by priority and age, run side by side, cancelled, remembered for a
// while after their end; and taken up again where an earlier process left them.
//
// Thread-safe; no call waits for S3 or the disk: submit() and cancel() answer through a callback,
// once the journal has it. It owns one thread, which hears of changes from the engine, measures
// rates and looks after what is late. Bounded by JobLimits: too many jobs waiting, or too many
// bytes of requests, is the error `queue_full`; ended jobs are forgotten oldest first. The engine
// and the journal must outlive it, but may still call back afterwards.
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
#include <thread>
#include <tuple>
#include <vector>

#include "archive/job.h"
#include "base/clock.h"
#include "base/random.h"
#include "daemon/archive_index.h"
#include "daemon/clock_watch.h"
#include "daemon/end_listeners.h"
#include "daemon/idempotency.h"
#include "daemon/job_changes.h"
#include "daemon/job_engine.h"
#include "daemon/job_entry.h"
#include "daemon/job_view.h"
#include "daemon/journal.h"
#include "daemon/upload_sweeper.h"

namespace s3zipd {

class JobService {
  public:
    using OnJob = JobEntry::OnJob;
    // Tells somebody outside that a job has ended, after so many attempts; noticed() hears how it
    // went. And whether a URL may be told at all.
    using Notify = std::function<void(const JobView& job, unsigned attempts)>;
    using CheckUrl = std::function<base::Status(const std::string& url)>;

    JobService(JobEngine& engine, Journal& journal, JobLimits limits, base::Clock& clock);
    ~JobService();
    JobService(const JobService&) = delete;
    JobService& operator=(const JobService&) = delete;

    // Before everything else, each at most once.
    void set_notify(Notify notify, CheckUrl check);
    void restore(std::vector<JournaledJob> jobs);
    // From here on jobs start, and what an earlier process left untold is told.
    void begin();

    // Errors: queue_full, stopping, idempotency_key_reused; the journal's. A known key and body
    // give the same job again.
    void submit(Submission submission, OnJob done);
    std::optional<JobView> find(std::string_view id) const;
    JobPage list(const ListQuery& query) const;
    std::vector<JobView> running() const;
    // A waiting job ends at once, others soon. Errors: not_found, already_ended; the journal's.
    void cancel(std::string_view id, OnJob done);
    // `later`: nothing was tried, it must be told again.
    void noticed(const std::string& id, NoticeRow notice, bool later = false);
    base::Status check_notify(const std::string& url) const;

    // Called when a job has ended and the journal has it; of one that has ended already they never
    // hear, so look after adding.
    EndListeners& end_listeners() { return end_listeners_; }
    JobChanges& changes() { return changes_; }

    JobCounts counts() const;
    // Only the bounds of jobs running, queued and kept change, from now on.
    void set_limits(const JobLimits& limits);
    JobLimits limits() const;
    const Journal& journal() const { return journal_; }
    // No new jobs, none started; waits until those that run have ended.
    bool drain(std::chrono::milliseconds timeout);
    // Leaves those that run to the next process, uploads open. False: some did not let go.
    bool park(std::chrono::milliseconds timeout);

  private:
    using Record = JobEntry;
    struct Inbox;
    using Jobs = std::map<std::string, Record, std::less<>>;
    using QueueKey = std::tuple<int, std::string>;  // -priority, id: first is next

    void accepted(const std::string& id, const base::Status& written);
    void cancel_recorded(const std::string& id, const base::Status& written, OnJob done);
    void run_thread();
    void start_ready();
    void on_change(const std::string& id);
    void after_end(const std::string& id);
    void end_recorded(const std::string& id, const base::Status& written);
    void sample_rates();
    void look_after();
    void retry_ends();
    void tell_again();
    bool is_untold(const Record& record) const;
    void sweep();
    // REQUIRES mutex_ for those below.
    void restore_one(JournaledJob& job, std::shared_ptr<const archive::RequestScope> scope);
    std::optional<std::string> next_to_start();
    void enqueue(const Jobs::value_type& entry);
    static archive::JobState state_of(const Record& record);
    JobView view_of(const Jobs::value_type& entry) const;
    std::string next_id(base::UtcTime now);
    bool has_room_for(std::uint64_t bytes) const;
    void finish(Jobs::iterator at);
    void count_ended(Record& record, const archive::JobSnapshot& snapshot);
    void forget_old();
    bool may_forget(const std::string& id, bool must) const;
    void forget(const std::string& id);

    JobEngine& engine_;
    Journal& journal_;
    base::Clock& clock_;
    Notify notify_;
    CheckUrl check_url_;
    const std::shared_ptr<ArchiveIndex> archives_;  // jobs in the engine may outlive us
    UploadSweeper sweeper_;
    const std::shared_ptr<Inbox> inbox_;
    EndListeners end_listeners_;
    JobChanges changes_;
    base::SteadyTime next_sweep_, next_retry_;  // of the thread

    mutable std::mutex mutex_;  // guards all below
    JobLimits limits_;
    std::condition_variable all_ended_;
    base::Random random_;
    base::UtcTime last_id_time_{};
    ClockWatch clock_watch_;
    bool begun_ = false, stopping_ = false;
    std::size_t accepting_ = 0;  // jobs that the journal does not have yet
    Jobs jobs_;                  // by id, so by age
    std::set<QueueKey> queue_;
    std::set<std::string> running_;
    std::deque<std::string> ended_;  // oldest end first
    JobHistograms durations_, queue_times_;
    JobCounts totals_;  // by_state is counted on demand
    IdempotencyKeys keys_;
    std::thread thread_;
};

}  // namespace s3zipd
