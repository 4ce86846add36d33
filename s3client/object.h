// What the calls of S3Client take and give: objects, versions, ranges, uploads. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "s3client/store_support.h"
#include "s3client/xml.h"

namespace s3client {

struct ObjectVersion {
    std::string bucket, key;
    std::string version_id;  // empty: the current one
};
// Which job wrote an object; its metadata says so, under this name.
inline constexpr std::string_view kJobMarkName = "s3zipd-job";

struct ObjectHead {
    std::uint64_t size = 0;
    std::string etag;        // without quotes; may be empty
    std::string version_id;  // empty if the bucket is not versioned
    std::string job_mark;    // the id of the job that wrote it; empty: none of ours that had one
    std::int64_t last_modified_s = 0;
    std::string storage_class;   // empty: STANDARD
    std::string archive_status;  // of INTELLIGENT_TIERING: in which archive tier it is
    bool restored = false;       // a readable copy of an archived object is there
    bool is_archived() const;    // a GET would be refused
    // As the store has them; only if asked for. The first is of the whole object; the other of its
    // parts' checksums, with the number of parts: "AAAAAA==-3".
    std::string checksum_crc32, composite_crc32;
};
enum class WithChecksum : std::uint8_t { no, yes };
struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // not 0
};
struct WrittenObject {
    std::string etag;  // without quotes
    std::string version_id;
    bool checked = false;  // the store has checked our checksum
};
struct UploadTarget {
    std::string bucket, key, upload_id;
    ChecksumMode checksums = ChecksumMode::full_object;  // of its parts and of all of it
    bool checked = false;  // the store repeated the algorithm: it verifies the checksums it is sent
};

// S3Client::get_object(): exactly `range`, of the object that was seen before.
struct GetObject {
    ObjectVersion object;
    std::string etag;  // empty: not pinned
    std::uint64_t object_size = 0;
    ByteRange range;
    // Where not null: whether the answer says that the ETag is opaque (has_opaque_etag()). Set
    // before the first byte is received; outlives the call.
    bool* opaque_etag = nullptr;
};
// S3Client::complete_multipart_upload().
struct CompleteUpload {
    UploadTarget upload;
    std::vector<CompletedPart> parts;  // rising numbers
    std::uint64_t object_size = 0;
    std::uint32_t crc32 = 0;  // of the whole object
    bool if_none_match = false;
};

}  // namespace s3client
