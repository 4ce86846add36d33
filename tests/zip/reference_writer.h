// A second, deliberately simple ZIP writer to compare the project's records with: written from
// APPNOTE 4.3 and 4.5 on its own, one string append after the other, sharing no code with zip/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zip_test {

struct ReferenceFile {
    std::string name;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    std::int64_t mtime_unix_s = 0;
};

struct ReferenceArchive {
    std::vector<std::string> headers;    // local header of each file
    std::vector<std::uint64_t> offsets;  // where each stands
    std::uint64_t directory_offset = 0;
    std::string end;  // central directory and end records
    std::uint64_t size = 0;
};

ReferenceArchive reference_archive(const std::vector<ReferenceFile>& files,
                                   const std::string& comment);

}  // namespace zip_test
