// A shard is a run of parts plus all that is needed to fill them: self-contained, so that a reactor
// of this process or a worker elsewhere can execute it. Executing one twice is harmless: same part
// numbers, same bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/request.h"
#include "s3client/client.h"

namespace archive {

// A longer run of an object is read in ranges of this size, side by side; AWS advises 8 to 16 MB.
inline constexpr std::uint64_t kRangeBytes = 16ULL << 20;
constexpr std::uint64_t ranges_of(std::uint64_t length) {
    return (length + kRangeBytes - 1) / kRangeBytes;
}

// A run of an entry's data that is not in the part but that the LocalFileHeader in the part covers.
struct RestRun {
    std::uint64_t offset = 0;  // in the object
    std::uint64_t length = 0;
    // The CRC of the run. Unknown: the executor reads the run for its CRC only.
    std::optional<std::uint32_t> crc32;
    bool awaited = false;  // it is in parts that this part waits for
    bool is_read() const { return !crc32 && !awaited; }
};

struct ShardEntry {
    std::uint64_t index = 0;   // in the archive
    std::uint32_t bucket = 0;  // index into ShardPlan::buckets; not of one with a text
    std::string key, version_id, etag;
    std::uint64_t size = 0;
    std::string name;
    std::int64_t mtime_unix_s = 0;
    bool is_directory = false;
    // The data after this part, in order. Only if header bytes of the entry are in the part.
    std::vector<RestRun> rest;
    // The entry is not an object: its bytes in this part come with the shard.
    bool has_text = false;
    std::string text;

    // Whether the CRC-32 that S3 has stored is requested by a HEAD: one GET of the whole object
    // includes it, ranges do not.
    bool wants_stored_crc32() const {
        return !has_text && (size > kRangeBytes || std::ranges::any_of(rest, &RestRun::is_read));
    }
};

// What stands in a part, in order.
struct Segment {
    enum class Kind : std::uint8_t { header, data, directory };
    Kind kind = Kind::header;
    std::uint32_t entry = 0;  // index into ShardPlan::entries; not for directory
    // header: in the LocalFileHeader; data: in the object; directory: in the archive
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

struct ShardPart {
    std::uint32_t number = 0;  // from 1
    std::uint64_t size = 0;
    std::vector<Segment> segments;
};

struct ShardPlan {
    s3client::UploadTarget upload;
    s3client::Access upload_access;
    std::vector<s3client::AccessedBucket> buckets;
    std::vector<ShardPart> parts;
    std::vector<ShardEntry> entries;
    VerifySources verify_sources = VerifySources::stored;
};

// The CRC of a run of an entry's data.
struct PieceCrc {
    std::uint64_t entry = 0;  // index in the archive
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint32_t crc32 = 0;
};
struct PartResult {
    std::uint32_t number = 0;
    std::uint64_t size = 0;
    std::uint32_t crc32 = 0;
    std::string etag;  // without quotes
};
struct ShardResult {
    std::vector<PartResult> parts;
    // Of the data in the parts, and of the runs outside them that the executor has determined.
    std::vector<PieceCrc> pieces;
    std::uint64_t compared = 0;  // entries compared with a checksum or an ETag of their objects
};

}  // namespace archive
