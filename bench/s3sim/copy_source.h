// The source of UploadPartCopy and CopyObject: x-amz-copy-source and the headers about it, and the
// bytes. copy_bytes() blocks for as long as the copy takes. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "s3sim/bucket.h"
#include "s3sim/http.h"
#include "s3sim/profile.h"
#include "s3sim/range.h"
#include "s3sim/store.h"

namespace s3sim {

struct CopySource {
    std::shared_ptr<Bucket> bucket;
    ObjectRef object;
    ByteRange range;
};

// Finds and checks the source: its version, customer key, conditions, storage class and range.
Answered<CopySource> copy_source(Store& store, const Request& request, base::UtcTime now,
                                 const Profile& profile);

struct Copied {
    Stored stored;
    std::uint32_t crc32 = 0;
    std::string sha256_raw;  // if it was asked for
    std::string md5_raw;     // of at most kMd5EtagMax bytes
};
Answered<Copied> copy_bytes(const CopySource& source, Bucket& target, bool with_sha256);

}  // namespace s3sim
