// ArchiveResult: the archive that a job has made, and how it is known to be right. Plain data.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "archive/object_report.h"
#include "s3client/store_support.h"

namespace archive {

// How a job with `overwrite: false` was kept from replacing an object.
enum class OverwriteGuard : std::uint8_t {
    none,     // it was allowed to replace one
    checked,  // the key was free just before the write; another writer could have come between
    atomic,   // the store refuses the write if the key exists
};

struct ArchiveResult {
    std::string bucket;
    std::string key;
    std::string etag;        // with its quotes, as S3 gave it
    std::string version_id;  // empty if the bucket is not versioned
    std::uint64_t size = 0;
    std::uint64_t entries = 0;
    std::uint32_t crc32 = 0;  // of the whole archive
    // Never null.
    std::shared_ptr<const ObjectReport> report = std::make_shared<const ObjectReport>();
    bool checked = false;  // the store has checked the checksums that we sent
    // Entries that were compared with a checksum of their object in S3, or with an ETag that is
    // its MD5, and are the same.
    std::uint64_t compared = 0;
    std::string fingerprint{};  // fingerprint.h
    bool reused = false;        // an earlier job made it: Options::reuse
    s3client::ChecksumMode checksums = s3client::ChecksumMode::full_object;  // if `checked`
    OverwriteGuard guard = OverwriteGuard::none;
    bool confirmed = true;  // a HEAD has shown it; false: that is denied
};

// The part of it that the store verified: "checked" (the checksum of the whole archive),
// "composite" (those of its parts), "unchecked".
std::string_view checksums_text(const ArchiveResult& result);

}  // namespace archive
