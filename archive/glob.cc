#include "archive/glob.h"

#include <algorithm>
#include <bitset>

namespace archive {
namespace {

constexpr std::size_t kBytes = 256;
using ByteSet = std::bitset<kBytes>;

std::size_t index_of(char c) { return static_cast<unsigned char>(c); }

// One element of a pattern, or a star.
struct Token {
    bool is_star = false;
    ByteSet accepted;
};

// `members` are what stands between the brackets.
ByteSet set_of(std::string_view members, bool negated) {
    ByteSet set;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const bool is_range = i + 2 < members.size() && members[i + 1] == '-';
        const std::size_t last = index_of(members[is_range ? i + 2 : i]);
        for (std::size_t c = index_of(members[i]); c <= last; ++c) set.set(c);
        if (is_range) i += 2;
    }
    return negated ? ~set : set;
}

// Cuts the first token off. `sets_end` is the number of bytes behind the last ']' of the pattern.
Token take_token(std::string_view& rest, std::size_t sets_end) {
    const char c = rest.front();
    if (c == '[' && rest.size() > sets_end) {
        const bool negated = rest.size() > 1 && (rest[1] == '!' || rest[1] == '^');
        const std::size_t first = negated ? 2 : 1;
        // A ']' that comes first is a member.
        const std::size_t end = rest.find(']', first + 1);
        if (end != std::string_view::npos) {
            const ByteSet set = set_of(rest.substr(first, end - first), negated);
            rest.remove_prefix(end + 1);
            return {false, set};
        }
    }
    rest.remove_prefix(1);
    return {c == '*', c == '?' ? ByteSet().set() : ByteSet().set(index_of(c))};
}

std::vector<Token> tokens_of(std::string_view pattern) {
    // A '[' behind the last ']' is itself. Without this bound each would be looked for to the end.
    const std::size_t last = pattern.rfind(']');
    const std::size_t sets_end =
        last == std::string_view::npos ? pattern.size() : pattern.size() - last - 1;
    std::vector<Token> tokens;
    for (std::string_view rest = pattern; !rest.empty();)
        tokens.push_back(take_token(rest, sets_end));
    return tokens;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
    const std::vector<Token> tokens = tokens_of(pattern);
    segments_.emplace_back();
    for (const Token& token : tokens) {
        if (token.is_star) {
            segments_.push_back({elements_, 0});
        } else {
            ++segments_.back().size;
            ++elements_;
        }
    }
    words_ = (elements_ + 63) / 64;
    masks_.resize(words_ * kBytes);
    std::size_t element = 0;
    for (const Token& token : tokens) {
        if (token.is_star) continue;
        const std::uint64_t bit = 1ULL << (element % 64);
        for (std::size_t c = 0; c < kBytes; ++c) {
            if (token.accepted[c]) masks_[c * words_ + element / 64] |= bit;
        }
        ++element;
    }
}

// Whether `text` begins with the segment. REQUIRES: it is long enough.
bool Glob::is_at(const Segment& segment, std::string_view text, std::uint64_t& steps) const {
    for (std::size_t i = 0; i < segment.size; ++i) {
        ++steps;
        if (!accepts(segment.begin + i, text[i])) return false;
    }
    return true;
}

// The end of the segment's first occurrence in `text`; npos if there is none. Shift-And: after each
// byte bit i of the row is set if the text before ends with elements begin..i of the segment. Bits
// of other segments in the row may be set too, those above ours only: none of them moves down.
std::size_t Glob::find(const Segment& segment, std::string_view text,
                       std::vector<std::uint64_t>& row, std::uint64_t& steps) const {
    const std::size_t last = segment.begin + segment.size - 1;
    const std::size_t first_word = segment.begin / 64, last_word = last / 64;
    const std::uint64_t first_bit = 1ULL << (segment.begin % 64);
    const std::uint64_t last_bit = 1ULL << (last % 64);
    std::fill(row.begin() + static_cast<std::ptrdiff_t>(first_word),
              row.begin() + static_cast<std::ptrdiff_t>(last_word) + 1, 0);
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::uint64_t carry = 0;
        for (std::size_t w = first_word; w <= last_word; ++w) {
            const std::uint64_t before = row[w];
            const std::uint64_t moved = (before << 1) | carry | (w == first_word ? first_bit : 0);
            row[w] = moved & mask(text[i], w);
            carry = before >> 63;
        }
        steps += last_word - first_word + 1;
        if ((row[last_word] & last_bit) != 0) return i + 1;
    }
    return std::string_view::npos;
}

bool Glob::matches(std::string_view text, std::uint64_t& steps) const {
    ++steps;
    const Segment& head = segments_.front();
    if (segments_.size() == 1) return text.size() == head.size && is_at(head, text, steps);
    if (text.size() < elements_) return false;
    const Segment& tail = segments_.back();
    if (!is_at(head, text, steps)) return false;
    if (!is_at(tail, text.substr(text.size() - tail.size), steps)) return false;
    text = text.substr(head.size, text.size() - head.size - tail.size);
    std::vector<std::uint64_t> row(words_);
    for (std::size_t s = 1; s + 1 < segments_.size(); ++s) {
        if (segments_[s].size == 0) continue;
        const std::size_t end = find(segments_[s], text, row, steps);
        if (end == std::string_view::npos) return false;
        text.remove_prefix(end);
    }
    return true;
}

bool glob_match(std::string_view pattern, std::string_view text) {
    std::uint64_t steps = 0;
    return Glob(pattern).matches(text, steps);
}

}  // namespace archive
