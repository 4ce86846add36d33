// What is remembered of a job under way, so that another process can go on with it: the seam
// between the engine, which knows what happens, and whoever keeps a journal of it.
//
// A part's record is made before the part is sent: it has the CRCs that the headers and the central
// directory of other parts need, so that a part which S3 lists can be counted as done whenever this
// process died. Records are plain values. Nothing of what customers keep secret is in them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/manifest.h"
#include "archive/part_layout.h"
#include "archive/shard.h"
#include "base/error.h"

namespace archive {

// How a manifest was cut. With the same manifest and this, the same plan is made again, or its
// digest differs and the parts that S3 has are of no use.
struct PlanRecord {
    std::uint64_t cut_bytes = 0;  // the size that parts were cut with; 0: one PutObject
    PartLayout layout = PartLayout::entries;
    std::uint64_t archive_size = 0;
    std::uint64_t parts = 0;
    std::uint64_t digest = 0;
    std::string fingerprint;  // fingerprint.h; "" if it has none
};

struct UploadRecord {
    std::string upload_id;
    bool checked = false;  // the store checks our checksums
    s3client::ChecksumMode checksums = s3client::ChecksumMode::full_object;
};

struct PartRecord {
    PartResult part;               // its ETag is "" until S3 has answered
    std::vector<PieceCrc> pieces;  // those of ShardResult, by rising entry and offset
    std::uint64_t compared = 0;
};

struct JobHistory {
    std::shared_ptr<const Manifest> manifest;  // null: the job was not planned
    PlanRecord plan;
    unsigned uploads_begun = 0;
    std::optional<UploadRecord> upload;  // the last one, if it is known and not over
    std::vector<PartRecord> parts;       // by number
};

struct ArchiveResult;

// Thread-safe. Calls come from reactors and must not block, but for history() and find_archive(),
// which are called off them. `done` is called once what was said is as durable as the recorder can
// make it, on any thread; a recorder that cannot write says so itself, and calls it all the same:
// the job goes on. Bounded by protocol: a job waits for `done` before it goes on.
class JobRecorder {
  public:
    using Done = std::move_only_function<void()>;

    virtual ~JobRecorder() = default;
    // What was recorded before of the job of this request, by an earlier process. Errors: corrupt,
    // if it cannot be read.
    virtual base::Result<JobHistory> history(const ArchiveRequest& request) = 0;
    // An earlier archive of this fingerprint in this bucket, as far as is remembered.
    virtual std::optional<ArchiveResult> find_archive(const std::string& fingerprint,
                                                      const std::string& bucket) = 0;
    // Replaces an earlier plan, its upload and its parts.
    virtual void planned(PlanRecord plan, std::vector<std::string> manifest, Done done) = 0;
    // Before the request is sent; then what its answer was, or that there was none.
    virtual void upload_begins(Done done) = 0;
    virtual void upload_begun(UploadRecord upload, Done done) = 0;
    // Nothing of the upload is left in S3; "" for one that never came to be.
    virtual void upload_over(std::string upload_id) = 0;
    virtual void part_ready(PartRecord part, Done done) = 0;
    virtual void part_stored(std::uint32_t number, std::string etag) = 0;
};

}  // namespace archive
