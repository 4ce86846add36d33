// A second matcher of glob patterns, to compare archive/glob.h with: sets of bytes and one table,
// slow and plain. Pure.
#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>
#include <vector>

namespace archive::test::glob_reference {

// The promise of glob.h: a step for the call and for each byte of the pattern; for each byte of the
// text one for every 64 elements, and one for a segment that begins within a word.
constexpr std::size_t steps_max(std::size_t pattern_size, std::size_t text_size) {
    return 1 + pattern_size + text_size * ((pattern_size + 63) / 64 + 1);
}

using Set = std::bitset<256>;

struct Token {
    bool is_star = false;
    Set set;  // of one byte
};

inline std::size_t index_of(char c) { return static_cast<unsigned char>(c); }

inline Set literal(char c) { return Set().set(index_of(c)); }

// Where the set that begins at pattern[begin] == '[' ends: at its ']', which may not come first;
// npos if it has none.
inline std::size_t set_end(std::string_view pattern, std::size_t begin, bool negated) {
    return pattern.find(']', begin + (negated ? 3 : 2));
}

inline Set set_of(std::string_view members, bool negated) {
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

inline std::vector<Token> tokens_of(std::string_view pattern) {
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
inline bool match(const std::vector<Token>& tokens, std::string_view text) {
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

inline bool match(std::string_view pattern, std::string_view text) {
    return match(tokens_of(pattern), text);
}

}  // namespace archive::test::glob_reference
