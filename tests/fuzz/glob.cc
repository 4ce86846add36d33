// Glob patterns against a matcher that only knows sets of bytes and one table, and a bound on the
// time they take: a listing of millions of keys is held against up to a hundred patterns.
//
// Input: the first line is the pattern, the rest the text.
#include "archive/glob.h"

#include <time.h>
#include <bitset>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "fuzz_input.h"

namespace {

using Set = std::bitset<256>;

struct Token {
    bool is_star = false;
    Set set;  // of one byte
};

std::size_t index_of(char c) { return static_cast<unsigned char>(c); }

Set literal(char c) { return Set().set(index_of(c)); }

// Where the set that begins at pattern[begin] == '[' ends: at its ']', which may not come first;
// npos if it has none.
std::size_t set_end(std::string_view pattern, std::size_t begin, bool negated) {
    return pattern.find(']', begin + (negated ? 3 : 2));
}

Set set_of(std::string_view members, bool negated) {
    Set set;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (i + 2 < members.size() && members[i + 1] == '-') {
            for (std::size_t c = index_of(members[i]); c <= index_of(members[i + 2]); ++c)
                set.set(c);
            i += 2;
        } else {
            set.set(index_of(members[i]));
        }
    }
    return negated ? ~set : set;
}

std::vector<Token> tokens_of(std::string_view pattern) {
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        Token& token = tokens.emplace_back();
        const char c = pattern[i];
        token.is_star = c == '*';
        token.set = c == '?' ? Set().set() : literal(c);
        if (c != '[' || i + 1 == pattern.size()) continue;
        const bool negated = pattern[i + 1] == '!' || pattern[i + 1] == '^';
        const std::size_t end = set_end(pattern, i, negated);
        if (end == std::string_view::npos) continue;  // it is itself
        const std::size_t first = i + (negated ? 2 : 1);
        token.set = set_of(pattern.substr(first, end - first), negated);
        i = end;
    }
    return tokens;
}

// matches[i]: the tokens so far match the first i bytes.
bool match(const std::vector<Token>& tokens, std::string_view text) {
    std::vector<bool> matches(text.size() + 1, false);
    matches[0] = true;
    for (const Token& token : tokens) {
        std::vector<bool> next(text.size() + 1, false);
        for (std::size_t i = 0; i <= text.size(); ++i) {
            if (token.is_star) {
                next[i] = matches[i] || (i > 0 && next[i - 1]);
            } else {
                next[i] = i > 0 && matches[i - 1] && token.set[index_of(text[i - 1])];
            }
        }
        matches = std::move(next);
    }
    return matches.back();
}

std::int64_t cpu_time_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

// "Quadratic at worst", with room for sanitizers: some 200 ms for 1,024 bytes of both.
constexpr std::int64_t kNsPerStep = 150;
constexpr std::int64_t kNsAtLeast = 50'000'000;
// The table is slow; longer inputs are for the time.
constexpr std::int64_t kStepsCompared = 10'000;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const std::string_view pattern = input.line();
    const std::string_view text = input.rest();
    const std::int64_t before = cpu_time_ns();
    const bool matched = archive::glob_match(pattern, text);
    const std::int64_t took = cpu_time_ns() - before;
    const auto steps = static_cast<std::int64_t>((pattern.size() + 1) * (text.size() + 1));
    CHECK(took < kNsAtLeast + kNsPerStep * steps);
    if (steps <= kStepsCompared) CHECK(matched == match(tokens_of(pattern), text));
    return 0;
}
