// The board of one job: which parts are to do, under way and done, and the CRCs learnt so far. It
// lives on the job's own reactor; executors elsewhere ask it by message (io::run_on).
//
// take() gives out parts in order; a part that waits for others (parts.h) becomes available when
// those are done. Parts that S3 has from an earlier process are done from the beginning, the tail's
// among them. fail() ends everything: take() then gives nothing more.
//
// A run of an entry's data may be read twice: in its own part, and for the CRC in a header of
// another part. Both CRCs must be equal, in whatever order they become known.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "archive/job.h"
#include "archive/job_record.h"
#include "archive/plan.h"
#include "archive/shard.h"
#include "io/sync.h"

namespace archive {

class PartBoard {
  public:
    PartBoard(io::Reactor& reactor, std::shared_ptr<const Plan> plan, s3client::UploadTarget upload,
              Job& job, std::vector<PartRecord> stored = {});

    // Waits for a part that can be done now; nothing when all have been given out, or the job has
    // failed.
    io::Task<std::optional<ShardPlan>> take();
    // What came of a shard that take() gave out; a failure fails the job. A task, so that it can be
    // asked by message.
    io::Task<bool> finish(base::Result<ShardResult> result);
    void fail(base::Error error);

    // Waits until the job has failed or all parts but the tail are done.
    io::Task<base::Status> wait_until_done();

    // What is known of a part once it is done; the finisher records its own, the tail's. Errors:
    // corrupt "checksum_mismatch", if a run that was read twice has two CRCs.
    base::Status record_pieces(const std::vector<PieceCrc>& pieces);
    void record_part(PartResult part);
    void record_compared(std::uint64_t entries) { compared_ += entries; }
    std::uint64_t compared() const { return compared_; }
    const std::vector<std::uint32_t>& entry_crcs() const { return entry_crcs_; }
    const std::vector<PartResult>& results() const { return results_; }
    bool is_stored(std::size_t part_index) const { return results_[part_index].number != 0; }
    std::uint32_t archive_crc() const;

  private:
    // An entry whose header or data are in several parts. Parts [awaited_begin, awaited_end) hold
    // nothing but its data.
    struct Span {
        std::size_t awaited_begin = 0, awaited_end = 0;
        std::size_t awaited_left = 0;              // of those, the parts that are not done
        std::vector<std::size_t> waiting;          // part indices
        std::map<std::uint64_t, PieceCrc> pieces;  // by offset in the object
        std::uint64_t known_bytes = 0;             // in the pieces
        // Of the run [offset, offset + length), if pieces that are known make it up.
        std::optional<std::uint32_t> crc32_of(std::uint64_t offset, std::uint64_t length) const;
    };
    void find_spans();
    void take_over(std::vector<PartRecord> stored);
    // The entry whose header's parts wait for this part; null if there is none.
    Span* span_that_awaits(std::size_t part_index);
    base::Error read_differently(const PieceCrc& first, const PieceCrc& second) const;

    std::shared_ptr<const Plan> plan_;
    const s3client::UploadTarget upload_;
    Job& job_;
    io::Condition changed_;
    std::deque<std::size_t> available_;    // part indices that can be done now
    std::size_t to_give_ = 0;              // parts not given out yet
    std::size_t left_ = 0;                 // parts not done yet, without the tail
    std::map<std::uint64_t, Span> spans_;  // by entry
    std::vector<std::uint32_t> entry_crcs_;
    std::vector<PartResult> results_;  // by part index
    std::uint64_t compared_ = 0;
    base::Status status_;
};

}  // namespace archive
