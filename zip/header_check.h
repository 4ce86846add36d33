// What is wrong with a header by itself, and where a local header differs from the directory. The
// yardstick is what this project writes, so that no bit of a header may have any other value
// unnoticed: readers would accept more. Pure, safe on any thread.
#pragma once

#include <cstdint>

#include "zip/findings.h"
#include "zip/reader.h"

namespace zip {

struct VerifyOptions {
    bool check_names = true;  // false: names that are unsafe to extract are meant (`names: raw`)
};

bool is_directory(const HeaderFields& header);

// Made by FAT (0) or Unix (3) software that knows a version which is in use (4.4.2).
bool is_made_by_right(std::uint16_t made_by);

void check(const CentralDirectoryHeader& header, std::uint64_t offset, const VerifyOptions& options,
           Findings& findings);
void compare(const LocalFileHeader& local, const HeaderFields& central, std::uint64_t local_offset,
             Findings& findings);

}  // namespace zip
