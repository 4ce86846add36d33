// What the control plane passes around about jobs: views of them, pages, counts, limits. Plain
// data, copied freely.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/job.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "config/limits.h"
#include "daemon/idempotency.h"
#include "daemon/journal_rows.h"

namespace s3zipd {

inline constexpr std::size_t kJobStateCount = 7;

struct JobLimits {
    std::size_t running_max = 64;
    // Of those that run, being planned; and bytes of plans in memory from which on no other starts.
    std::size_t planning_max = config::kJobsPlanningMax;
    std::uint64_t plan_bytes_max = config::kJobsPlanBytesMax;
    std::size_t queued_max = 10'000;
    std::size_t kept_max = 10'000;
    std::chrono::hours kept_time{24 * 30};      // zero: no limit
    std::chrono::seconds sweep_interval{3600};  // for uploads that nobody owns
    std::chrono::seconds sweep_grace{3600};     // for those whose id nobody knows
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
    NoticeRow notice{};  // of its end, where somebody wants to be told
};

// What was posted: the request, the text it was read from, the client's name for it.
struct Submission {
    archive::ArchiveRequest request;
    std::string body;
    std::optional<IdempotencyKey> key;
};
// It names keys of customers.
bool has_secrets(const archive::ArchiveRequest& request);

struct ListQuery {
    std::optional<archive::JobState> state;
    std::size_t limit = config::kListLimitDefault;
    std::string cursor;  // the last id of the page before; empty: from the newest
    // Empty: all. Called under the lock of the jobs.
    std::function<bool(const archive::ArchiveRequest&)> may_see{};
};
struct JobPage {
    std::vector<JobView> jobs;  // newest first
    std::string next_cursor;    // empty: no more
};

// By how they ended, since start. Thread-safe.
using JobHistograms = std::array<base::Histogram<base::kJobBounds>, kJobStateCount>;
using JobTimes = std::array<base::HistogramSnapshot, kJobStateCount>;  // ended states only

struct JobCounts {
    std::array<std::uint64_t, kJobStateCount> by_state{};     // jobs known now
    std::array<std::uint64_t, kJobStateCount> ended_total{};  // since start; ended states only
    std::uint64_t archive_bytes_total = 0;
    std::uint64_t skipped_objects_total = 0, renamed_entries_total = 0;  // of jobs that succeeded
    std::uint64_t notices_delivered_total = 0, notices_given_up_total = 0;
    std::uint64_t live_bytes = 0, ended_bytes = 0;  // of memory, estimated
    JobTimes durations, queue_times;                // of jobs that started; of all
    base::Duration queue_oldest{0};                 // how long the one that waits longest has
};

// Memory that a job holds because of its request, and because of what it ended with. Estimates: for
// bounds, not for bills.
std::uint64_t estimate_bytes(const archive::ArchiveRequest& request);
std::uint64_t estimate_bytes(const archive::JobSnapshot& snapshot);

}  // namespace s3zipd
