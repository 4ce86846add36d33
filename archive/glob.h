// Glob patterns on keys, with the syntax of the AWS CLI: '*' is any run of bytes, '/' included; '?'
// is one byte; [abc], [a-z] and [!a] are one byte of a set; every other byte is itself, and so is a
// '[' without its ']'. A pattern matches the whole text.
//
// A Glob is a pattern in the form that is matched: build it once for many texts. Its stars cut it
// into segments. The first and the last segment are anchored; those between are searched for from
// left to right, each with bit-parallel Shift-And (Baeza-Yates and Gonnet 1992), and a search never
// goes back. Cost of matches(): at most one step for each byte of the pattern, and for each byte of
// the text one step for every 64 elements of the longest segment, plus one: with S3's longest keys
// and patterns (1,024 bytes) 17 steps a byte of text. Memory: 32 bytes for each element, rounded up
// to 64 elements. Immutable, thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace archive {

class Glob {
  public:
    explicit Glob(std::string_view pattern);

    // Adds the steps that it took to `steps`: bytes compared, and words of 64 elements searched.
    bool matches(std::string_view text, std::uint64_t& steps) const;

  private:
    struct Segment {  // elements between two stars
        std::size_t begin = 0, size = 0;
    };
    std::uint64_t mask(char c, std::size_t word) const {
        return masks_[static_cast<unsigned char>(c) * words_ + word];
    }
    bool accepts(std::size_t element, char c) const {
        return (mask(c, element / 64) >> (element % 64) & 1) != 0;
    }
    bool is_at(const Segment& segment, std::string_view text, std::uint64_t& steps) const;
    std::size_t find(const Segment& segment, std::string_view text, std::vector<std::uint64_t>& row,
                     std::uint64_t& steps) const;

    std::vector<Segment> segments_;  // one more than there are stars
    std::size_t elements_ = 0;       // bytes that a text must have at least
    std::size_t words_ = 0;          // of a row: a bit for each element
    // Row c has the bits of the elements that accept byte c.
    std::vector<std::uint64_t> masks_;
};

// For a pattern that is used once.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace archive
