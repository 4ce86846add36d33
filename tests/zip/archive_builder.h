// Whole archives in memory, made the way the project makes them: Layout, LocalFileHeaders,
// CentralDirectory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zip/body_plan.h"
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
    std::uint64_t pieces = 0;          // of the body
    std::optional<std::uint32_t> crc;  // of the whole archive, put together from the pieces'
};
struct VerifyShape {
    std::uint64_t feed = 1 << 16;    // bytes fed at a time
    std::uint64_t piece = 16 << 20;  // of the body
    bool backwards = false;          // the pieces' results come in from the last to the first
    zip::VerifyOptions options{};
};
Verdict verify(std::string_view archive, VerifyShape shape = {});

// Files that between them use every feature of the records below 4 GiB.
std::vector<File> sample_files();

}  // namespace zip_test
