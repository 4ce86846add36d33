// Good archives, and damage done to them, drawn from a FuzzInput.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz_input.h"
#include "zip/verifier.h"

namespace fuzz {

struct GoodArchive {
    std::string bytes;
    std::uint64_t entries = 0;
    std::vector<zip::ByteRange> data;    // of each entry that has some
    std::vector<std::uint64_t> headers;  // where each central header begins
    std::uint64_t comment_size = 0;
};
GoodArchive draw_good_archive(FuzzInput& input);

struct Damage {
    std::string bytes;
    // Not: the archive comment and another version "made by" that is in use, which stand nowhere
    // twice; and what changes in several places may make another good archive.
    bool must_be_found = false;
};
Damage draw_damage(FuzzInput& input, const GoodArchive& good);

}  // namespace fuzz
