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

#include "archive/job_record.h"
#include "archive/object_report.h"
#include "archive/request.h"
#include "base/clock.h"
#include "base/error.h"
#include "s3client/operation.h"
#include "s3client/store_support.h"

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

// How a job with `overwrite: false` was kept from replacing an object.
enum class OverwriteGuard : std::uint8_t {
    none,     // it was allowed to replace one
    checked,  // the key was free just before the write; another writer could have come between
    atomic,   // the store refuses the write if the key exists
};
struct ArchiveResult;
// What the store verified: "checked" (the checksum of the whole archive), "composite" (those of its
// parts), "unchecked".
std::string_view checksums_text(const ArchiveResult& result);

struct ArchiveResult {
    std::string bucket;
    std::string key;
    std::string etag;        // with its quotes, as S3 gave it
    std::string version_id;  // empty if the bucket is not versioned
    std::uint64_t size = 0;
    std::uint64_t entries = 0;
    std::uint32_t crc32 = 0;  // of the whole archive
    // Never null.
    std::shared_ptr<const ObjectReport> report = std::make_shared<const ObjectReport>();
    bool checked = false;  // the store has checked the checksums that we sent
    // Entries that were compared with a checksum of their object in S3, or with an ETag that is
    // its MD5, and are the same.
    std::uint64_t compared = 0;
    std::string fingerprint{};  // fingerprint.h
    bool reused = false;        // an earlier job made it: Options::reuse
    s3client::ChecksumMode checksums = s3client::ChecksumMode::full_object;  // if `checked`
    OverwriteGuard guard = OverwriteGuard::none;
    bool confirmed = true;  // a HEAD has shown it; false: that is denied
};

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
