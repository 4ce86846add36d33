// Glob patterns against a matcher that only knows sets of bytes and one table, and the bound on the
// steps they take: a listing of millions of keys is held against up to a hundred patterns.
//
// Input: the first line is the pattern, the rest the text.
#include "archive/glob.h"

#include <cstdint>

#include "../archive/glob_reference.h"
#include "base/check.h"
#include "fuzz_input.h"

namespace {

// The table is slow; longer inputs are for the bound.
constexpr std::size_t kCellsCompared = 10'000;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const std::string_view pattern = input.line();
    const std::string_view text = input.rest();
    const archive::Glob glob(pattern);
    std::uint64_t steps = 0;
    const bool matched = glob.matches(text, steps);
    CHECK(steps <= archive::test::glob_reference::steps_max(pattern.size(), text.size()));
    std::uint64_t again = 0;
    CHECK(glob.matches(text, again) == matched && again == steps);
    CHECK(archive::glob_match(pattern, text) == matched);
    if ((pattern.size() + 1) * (text.size() + 1) <= kCellsCompared)
        CHECK(matched == archive::test::glob_reference::match(pattern, text));
    return 0;
}
