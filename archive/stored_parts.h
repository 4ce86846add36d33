// Which parts of an upload S3 has: asked for when another process may have sent some, and when
// Complete says that one is not what it was.
#pragma once

#include <vector>

#include "archive/shard.h"
#include "s3client/client.h"

namespace archive {

// What makes a part ours where the store says no CRC-32 of it, besides its number and size.
enum class WithoutCrc32 : std::uint8_t {
    same_etag,  // S3 answered with this ETag when it was sent
    trusted,    // we have sent nothing else under this upload and number
};

// Of `sent` (by rising number) those that S3 has, under the ETags that they have there now. Errors:
// those of ListParts, NoSuchUpload among them.
io::Task<base::Result<std::vector<PartResult>>> stored_parts(s3client::S3Client& client,
                                                             s3client::UploadTarget upload,
                                                             std::vector<PartResult> sent,
                                                             WithoutCrc32 without_crc32,
                                                             s3client::CallContext context);

}  // namespace archive
