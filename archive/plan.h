// The plan: a pure function of manifest and options. Every offset, every part, the exact size of
// the archive and what it will cost, before a byte moves. The archive's bytes do not depend on how
// it is cut.
//
// Immutable once made; shared by all who work on the job. Making one of a million entries takes
// some tens of milliseconds, so do it off the reactors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/engine.h"
#include "archive/job_record.h"
#include "archive/manifest.h"
#include "archive/parts.h"
#include "archive/shard.h"
#include "zip/layout.h"

namespace archive {

struct PlanOptions {
    PartSizing sizing;
    std::uint64_t single_put_max = 0;  // an archive up to this size is one PutObject
};

class Plan {
  public:
    static base::Result<std::shared_ptr<const Plan>> make(std::shared_ptr<const Manifest> manifest,
                                                          const ArchiveRequest& request,
                                                          PlanOptions options);

    // The plan that was made before, of the same manifest. Errors: precondition "plan_differs", if
    // this version would make another; exhausted "memory", if its parts no longer fit.
    static base::Result<std::shared_ptr<const Plan>> make_again(
        std::shared_ptr<const Manifest> manifest, const ArchiveRequest& request,
        const PlanRecord& record, std::uint64_t memory_max);
    // Without its fingerprint.
    PlanRecord record() const;

    const Manifest& manifest() const { return *manifest_; }
    const std::shared_ptr<const Manifest>& shared_manifest() const { return manifest_; }
    const zip::Layout& layout() const { return layout_; }
    const std::vector<Part>& parts() const { return parts_.parts; }
    std::size_t tail() const { return parts_.tail; }  // parts from here on hold central directory
    PartLayout part_layout() const { return parts_.layout; }
    bool single_put() const { return single_put_; }
    const std::string& comment() const { return comment_; }
    std::uint64_t part_size_max() const;  // of the largest part
    std::uint64_t memory_bytes() const;   // with its manifest, estimated

    // The shard of one part: what an executor needs to know of it, and nothing else.
    ShardPlan shard_of(std::size_t part_index, const s3client::UploadTarget& upload) const;
    // The entry of which header bytes are in this part and data is after it, and that data in runs:
    // each is either all that the part waits for, or all data of the entry in one other part.
    struct Rest {
        std::uint64_t entry = 0;
        std::vector<RestRun> runs;  // by rising offset; empty: there is no such entry
    };
    Rest rest_of(std::size_t part_index) const;
    // Entries whose last byte is in this part.
    std::uint64_t entries_ended_in(std::size_t part_index) const;

    // The requests a run without retries makes after planning; of GETs for a CRC only the most that
    // it makes.
    s3client::RequestCounts requests() const;

  private:
    class ShardBuckets;
    ShardEntry shard_entry(std::uint64_t index, ShardBuckets& buckets) const;
    static base::Result<std::shared_ptr<Plan>> lay_out(std::shared_ptr<const Manifest> manifest,
                                                       const ArchiveRequest& request);
    void be_single_put();
    Plan(std::shared_ptr<const Manifest> manifest, zip::Layout layout, std::string comment)
        : manifest_(std::move(manifest)),
          layout_(std::move(layout)),
          comment_(std::move(comment)) {}
    std::shared_ptr<const Manifest> manifest_;
    zip::Layout layout_;
    std::string comment_;
    s3client::Access destination_;
    VerifySources verify_sources_ = VerifySources::stored;
    Parts parts_;
    bool single_put_ = false;
};

}  // namespace archive
