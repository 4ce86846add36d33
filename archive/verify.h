// What `Engine::verify` is asked and answers: an archive is read back, from S3 or from a file, and
// all of it is checked. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "s3client/access.h"

namespace archive {

struct VerifyRequest {
    // An object, of no version the current one; or a local file, if `path` is not empty.
    std::string bucket{}, key{}, version_id{};
    s3client::Access access{};
    std::string path{};
    std::string role_arn{}, external_id{};          // whose keys sign the requests; empty: ours
    std::optional<std::uint32_t> expected_crc32{};  // of all of it, as its job's result has it
    bool check_names = true;                        // false: unsafe names are meant (`names: raw`)
};

struct VerifyFinding {
    std::uint64_t offset = 0;
    std::string entry;  // its name; empty: the archive itself
    std::string what;
};

// Who said what the CRC-32 of the whole archive must be.
enum class CrcWitness : std::uint8_t { request, s3 };

struct VerifyReport {
    std::uint64_t archive_size = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes_read = 0;
    std::optional<std::uint32_t> crc32;  // of the whole archive; none without a readable directory
    std::vector<CrcWitness> compared_with;
    std::vector<VerifyFinding> findings;  // by offset, the first kFindingsMax (1,000) of them
    std::uint64_t findings_total = 0;     // with those that were cut
    std::uint64_t duration_ms = 0;

    bool ok() const { return findings_total == 0; }
};

}  // namespace archive
