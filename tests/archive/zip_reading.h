// A reader of stored archives for tests, from APPNOTE alone: it shares no code with zip/, so that
// the two cannot be wrong in the same way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace archive::test {

std::string random_text(std::uint64_t seed, std::uint64_t size);

// Bit by bit from the polynomial, with a table made of it.
std::uint32_t plain_crc32(std::string_view bytes);

struct StoredEntry {
    std::string name;
    std::uint32_t crc32 = 0;  // as the directory says; it is checked against the data
    std::string_view data;    // into the archive
};
struct ReadArchive {
    std::vector<StoredEntry> entries;  // in the order of the directory
    std::string comment;
    std::string problem;  // empty: the archive is right
};
// Checks end records, directory, local headers, CRCs, and that no byte is left over.
ReadArchive read_archive(std::string_view bytes);

}  // namespace archive::test
