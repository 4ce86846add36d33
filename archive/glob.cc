#include "archive/glob.h"

namespace archive {
namespace {

// Matches one byte against the set that begins after '[' at `at`; moves `at` behind its ']'. A '['
// without an end is itself.
bool match_set(std::string_view pattern, std::size_t& at, char c) {
    std::size_t i = at + 1;
    const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
    if (negated) ++i;
    bool found = false;
    for (const std::size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first);
         ++i) {
        if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
            const auto u = static_cast<unsigned char>(c);
            found |= static_cast<unsigned char>(pattern[i]) <= u &&
                     u <= static_cast<unsigned char>(pattern[i + 2]);
            i += 2;
        } else {
            found |= pattern[i] == c;
        }
    }
    if (i >= pattern.size()) return pattern[at++] == c;
    at = i + 1;
    return found != negated;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
    // Behind the last ']' a '[' is itself; each would look to the end to find that out.
    const std::size_t sets_end = pattern.rfind(']') + 1;  // npos + 1 is 0
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos,
                star_text = 0;  // where to go on if what follows the last '*' fails
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
            continue;
        }
        std::size_t next = p;
        bool matched = false;
        if (p < pattern.size()) {
            if (pattern[p] == '[' && p < sets_end) {
                matched = match_set(pattern, next, text[t]);
            } else {
                matched = pattern[p] == '?' || pattern[p] == text[t];
                next = p + 1;
            }
        }
        if (matched) {
            p = next;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace archive
