// What the calls of S3Client take and give: objects, versions, ranges, uploads. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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
    // base64, of the whole object; only if asked for and the store has it
    std::string checksum_crc32;
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
struct CreatedUpload {
    std::string upload_id;
    bool checked = false;  // the store will check our checksums
};
struct UploadTarget {
    std::string bucket, key, upload_id;
};

}  // namespace s3client
