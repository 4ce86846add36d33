// Whole archives in memory, made the way the project makes them: Layout, LocalFileHeaders,
// CentralDirectory.
#pragma once

#include <string>
#include <vector>

#include "zip/central_directory.h"
#include "zip/entry.h"
#include "zip/layout.h"
#include "zip/verifier.h"

namespace zip_test {

struct File {
    std::string name;
    std::string data;
    std::int64_t mtime_unix_s = 1'700'000'000;
};

std::vector<zip::Entry> to_entries(const std::vector<File>& files);
std::vector<std::uint32_t> crcs_of(const std::vector<File>& files);
std::string build_archive(const std::vector<File>& files, std::string_view comment = {});

struct Verdict {
    zip::Findings findings;
    std::uint64_t entries = 0;
    std::uint32_t crc = 0;  // of the whole archive, combined from what the verifier saw
};
// Feeds a Verifier and one BodyScanner for every `entries_each` entries; pieces of `piece` bytes.
Verdict verify(std::string_view archive, std::size_t piece = 1 << 16,
               std::uint64_t entries_each = ~0ULL);

// Files that between them use every feature of the records below 4 GiB.
std::vector<File> sample_files();

}  // namespace zip_test
