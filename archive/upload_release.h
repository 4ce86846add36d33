// Removes a multipart upload that a job of ours has left behind, and nobody else's (ADR 0008).
//
// With its id that is an abort. Without (Create was sent, but its answer is nobody's), uploads to
// the key are listed, and one is aborted only if it is the only one that can be ours. S3 shows no
// metadata of an upload, so this goes by what it does show: key, time, checksum, parts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "io/task.h"
#include "s3client/access.h"
#include "s3client/client.h"

namespace archive {

struct UploadClaim {
    std::string bucket, key;
    std::string upload_id{};  // empty: a Create whose answer nobody has; then also:
    base::UtcTime created_from{}, created_until{};  // when it was sent, by our clock
    std::vector<std::string> known{};               // upload ids of other jobs of ours

    std::string role_arn{}, external_id{};  // with the keys of this role; empty: our own
    s3client::Access access{};              // to the bucket
    std::string job{};                      // for the log
};

enum class Release : std::uint8_t {
    gone,        // it was there and is no more, or there is none of this id
    none_found,  // no upload that could be ours
    ambiguous,   // more than one: none was touched
    still_there  // it outlived being aborted: parts were under way; later may do
};

// Whether a listed upload can be the claimed one, whose id nobody has; its parts are another
// matter. `clock_offset`: the store's time minus ours. `says_checksums`: this store does, of all.
bool may_be_claimed(const s3client::ListedUpload& upload, const UploadClaim& claim,
                    base::Duration clock_offset, bool says_checksums);

// On the client's reactor; a minute at most, of which aborting is 20 s and is not cancelled.
// Errors: those of the calls; exhausted "too_many_uploads" if the listing has no end.
io::Task<base::Result<Release>> release_upload(s3client::S3Client& client, UploadClaim claim,
                                               s3client::CallContext context);

}  // namespace archive
