// Releases what jobs have left behind in S3: uploads that no living job owns, known by the journal.
//
// One claim at a time, so that sweeping takes nothing from jobs; its outcome goes into the journal.
// What cannot be released is tried again by the next sweep, and given up after kAttemptsMax of
// them. Thread-safe. The engine and the journal outlive it; the engine may still call back after.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "archive/upload_release.h"
#include "daemon/job_engine.h"
#include "daemon/journal.h"

namespace s3zipd {

struct SweepItem {
    std::string job;
    std::uint64_t number = 0;  // of the upload among the job's
    archive::UploadClaim claim;
};

class UploadSweeper {
  public:
    static constexpr unsigned kAttemptsMax = 100;

    UploadSweeper(JobEngine& engine, Journal& journal);
    ~UploadSweeper();
    UploadSweeper(const UploadSweeper&) = delete;
    UploadSweeper& operator=(const UploadSweeper&) = delete;

    // Nothing, while an earlier sweep is under way.
    void sweep(std::deque<SweepItem> items);
    // No further claims; the outcome of the one under way is not heard of.
    void stop();

  private:
    struct State;
    const std::shared_ptr<State> state_;
};

// What to claim of an upload that the journal does not call over; nothing as long as its Create may
// still be answered.
std::optional<archive::UploadClaim> claim_of(const UploadRow& row,
                                             const archive::ArchiveRequest& request,
                                             base::UtcTime now, base::UtcTime::duration grace);

}  // namespace s3zipd
