// ArchiveWrite: the one request that makes an archive appear under its key, and the look at what it
// made.
//
// A success is believed once a HEAD has shown the archive: an answer can be lost, come twice, or
// belong to another request. A failure that leaves the outcome open is settled in the same way.
// Lives on one reactor, for one job.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "archive/destination.h"
#include "archive/engine.h"
#include "archive/job.h"
#include "archive/request.h"
#include "base/error.h"
#include "io/task.h"
#include "s3client/client.h"

namespace archive {

struct WrittenArchive {
    s3client::WrittenObject object;
    OverwriteGuard guard = OverwriteGuard::none;
    bool confirmed = true;  // false: we are not permitted to look at it
    bool settled = false;   // the write's own answer was lost, or in doubt
};

// The size and checksums that the object must have.
struct ExpectedArchive {
    std::uint64_t size = 0;
    std::uint32_t crc32 = 0;
    std::string composite_crc32{};  // if the store sums up its parts: "AAAAAA==-3"
};

// How often a job looks at its destination before it writes: at its beginning, and right before the
// write unless the store is known to enforce conditions.
unsigned looks_before_write(const Destination& destination, bool single_put, Use conditional,
                            const s3client::StoreSupport& support);

class ArchiveWrite {
  public:
    // `destination` and what `context` points to outlive it. job_id: the mark that the object
    // carries, "" for none. conditional: EngineConfig::conditional_writes.
    ArchiveWrite(s3client::S3Client& client, const Destination& destination, std::string job_id,
                 Use conditional, s3client::CallContext context);

    // Errors, besides those of the calls: precondition "destination_exists", if a HEAD shows an
    // object that is not ours; corrupt "archive_not_there", if the write succeeded but something
    // else, or nothing, stands under the key; precondition "ConditionalRequestConflict" from
    // complete(): S3 wants a new upload.
    io::Task<base::Result<WrittenArchive>> put(s3client::Body body, ExpectedArchive expected);
    io::Task<base::Result<WrittenArchive>> complete(s3client::CompleteUpload upload,
                                                    ExpectedArchive expected);

  private:
    // Sends the write, with If-None-Match if `conditional`.
    using Send = std::function<io::Task<base::Result<s3client::WrittenObject>>(bool conditional)>;
    enum class Standing : std::uint8_t { ours, nothing, other, unknown, denied };
    struct Look {
        Standing standing = Standing::unknown;
        s3client::ObjectHead head{};
        base::Error error{};  // of the HEAD, or what differs
    };
    io::Task<base::Result<WrittenArchive>> write(s3client::Feature condition, Send send,
                                                 ExpectedArchive expected);
    io::Task<base::Result<s3client::WrittenObject>> send_guarded(s3client::Feature condition,
                                                                 const Send& send);
    io::Task<base::Result<WrittenArchive>> confirm(s3client::WrittenObject written,
                                                   const ExpectedArchive& expected);
    // `written`: the answer of the write, if there was a success. `fresh`: over a connection that
    // cannot carry the answer to another request.
    io::Task<Look> look(const s3client::WrittenObject* written, const ExpectedArchive& expected,
                        bool fresh);
    std::optional<std::string> difference(const s3client::ObjectHead& head,
                                          const s3client::WrittenObject* written,
                                          const ExpectedArchive& expected) const;
    base::Error not_there(std::string_view why) const;
    bool is_conditional(s3client::Feature condition) const;

    s3client::S3Client& client_;
    const Destination& destination_;
    const std::string job_id_;
    const Use conditional_;
    const s3client::CallContext to_;
    OverwriteGuard guard_ = OverwriteGuard::none;
};

}  // namespace archive
