// One archive being made: what everybody outside the engine may know of it and do to it.
//
// A Job is shared: the engine's reactors write its counters, the control plane reads snapshots of
// them. All members are thread-safe. snapshot() is a few atomic loads and, once the job has ended,
// a copy of its result.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive_result.h"
#include "archive/job_record.h"
#include "archive/request.h"
#include "base/clock.h"
#include "base/error.h"
#include "s3client/operation.h"

namespace archive {

enum class JobState : std::uint8_t {
    queued,
    planning,
    running,
    finishing,
    succeeded,
    failed,
    cancelled
};
std::string_view to_string(JobState state);
constexpr bool has_ended(JobState state) { return state >= JobState::succeeded; }

// When a job entered planning, running, finishing; in this process, or in the one that ended it.
inline constexpr std::size_t kStageCount = 4;  // with `queued`, the first
using StageTimes = std::array<std::optional<base::UtcTime>, kStageCount>;

struct JobSnapshot {
    JobState state = JobState::queued;
    std::optional<base::UtcTime> started_at;
    std::optional<base::UtcTime> finished_at;
    StageTimes entered{};
    std::uint64_t objects_total = 0, objects_done = 0;
    std::uint64_t bytes_total = 0, bytes_done = 0;  // of the archive; done counts what S3 has taken
    std::uint64_t parts_total = 0, parts_done = 0;
    s3client::RequestCounts requests{};
    std::optional<ArchiveResult> result;  // succeeded
    std::optional<base::Error> error;     // failed, cancelled
};

// The stages that a job has entered, in their order, each up to the next one or the job's end. The
// queue is among them if it is known since when the job has waited.
struct Stage {
    JobState state{};
    base::UtcTime started_at;
    std::optional<base::UtcTime> finished_at;  // none: it is in this one
    // Not negative, also where a clock was set back.
    std::optional<std::chrono::milliseconds> duration() const;
};
std::vector<Stage> stages_of(const JobSnapshot& snapshot, std::optional<base::UtcTime> queued_at);

class Job {
  public:
    explicit Job(ArchiveRequest request) : request_(std::move(request)) {}
    // One of which an earlier process knew the end.
    Job(ArchiveRequest request, JobSnapshot ended);

    // Before it starts: whose mark its archive carries, "" for none; who remembers what it does,
    // null for nobody.
    void set_id(std::string id) { id_ = std::move(id); }
    void set_recorder(std::shared_ptr<JobRecorder> recorder) { recorder_ = std::move(recorder); }

    const std::string& id() const { return id_; }
    JobRecorder* recorder() const { return recorder_.get(); }
    const ArchiveRequest& request() const { return request_; }
    JobSnapshot snapshot() const;
    JobState state() const { return state_.load(std::memory_order_acquire); }

    // Asks it to stop; returns at once. The job ends `cancelled`, its upload aborted, unless it has
    // just ended.
    void cancel();
    bool cancel_requested() const { return cancel_requested_.load(std::memory_order_acquire); }
    // Asks it to stop where it is, its upload left open, so that another process goes on with it.
    // The job is then `queued` again, and parked(); unless it has just ended.
    void park();
    bool park_requested() const { return park_requested_.load(std::memory_order_acquire); }
    bool parked() const { return parked_.load(std::memory_order_acquire); }

    // For the engine. Counters are added to from any reactor; states and ends come from the job's
    // own.
    void enter(JobState state, base::UtcTime now);
    void succeed(ArchiveResult result, base::UtcTime now);
    void fail(base::Error error, base::UtcTime now);  // a `cancelled` error ends it cancelled
    void be_parked();
    // Called by cancel() and park(), on their callers' threads, under the job's lock: it must only
    // post. Called
    // at once if the job was cancelled before; empty to take it back.
    void set_on_cancel(std::function<void()> on_cancel);

    std::atomic<std::uint64_t> objects_total{0}, objects_done{0};
    std::atomic<std::uint64_t> bytes_total{0}, bytes_done{0};
    std::atomic<std::uint64_t> parts_total{0}, parts_done{0};
    std::atomic<std::uint64_t> plan_bytes{0};  // of memory, estimated
    std::atomic<std::uint64_t> retries{0};     // requests that were sent again
    std::array<std::atomic<std::uint64_t>, s3client::kOperationCount> requests{};

  private:
    const ArchiveRequest request_;
    std::string id_;
    std::shared_ptr<JobRecorder> recorder_;
    std::atomic<JobState> state_{JobState::queued};
    std::atomic<bool> cancel_requested_{false};
    std::atomic<bool> park_requested_{false};
    std::atomic<bool> parked_{false};
    mutable std::mutex mutex_;  // guards what follows; taken at state changes only
    std::optional<base::UtcTime> started_at_;
    std::optional<base::UtcTime> finished_at_;
    StageTimes entered_{};
    std::optional<ArchiveResult> result_;
    std::optional<base::Error> error_;
    std::function<void()> on_cancel_;
};

}  // namespace archive
