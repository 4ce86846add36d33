// Patterns on keys: what matches, what does not, and that hostile ones end.
#include "archive/glob.h"

#include <gtest/gtest.h>
#include <array>
#include <string>

#include "base/random.h"
#include "glob_reference.h"

namespace archive {
namespace {

TEST(Glob, PlainTextMatchesItselfOnly) {
    EXPECT_TRUE(glob_match("a/b.txt", "a/b.txt"));
    EXPECT_FALSE(glob_match("a/b.txt", "a/b.tx"));
    EXPECT_FALSE(glob_match("a/b.txt", "a/b.txt2"));
    EXPECT_TRUE(glob_match("", ""));
    EXPECT_FALSE(glob_match("", "a"));
    EXPECT_FALSE(glob_match("a", ""));
}

TEST(Glob, AStarIsAnyRunOfBytesAlsoSlashes) {
    EXPECT_TRUE(glob_match("*", ""));
    EXPECT_TRUE(glob_match("*", "a/b/c"));
    EXPECT_TRUE(glob_match("*.jpg", "2026/01/x.jpg"));
    EXPECT_FALSE(glob_match("*.jpg", "x.jpeg"));
    EXPECT_TRUE(glob_match("*/tmp/*", "a/b/tmp/c"));
    EXPECT_FALSE(glob_match("*/tmp/*", "tmp/c"));
    EXPECT_TRUE(glob_match("a*b*c", "a-b-b-c"));
    EXPECT_FALSE(glob_match("a*b*c", "a-c-b"));
    EXPECT_TRUE(glob_match("**a**", "bab"));
}

TEST(Glob, AQuestionMarkIsOneByte) {
    EXPECT_TRUE(glob_match("?", "a"));
    EXPECT_FALSE(glob_match("?", ""));
    EXPECT_FALSE(glob_match("?", "ab"));
    EXPECT_TRUE(glob_match("??", "\xC3\xA4"));  // one letter, two bytes
    EXPECT_TRUE(glob_match("a?c", "a/c"));
}

TEST(Glob, ASetIsOneByteOfIt) {
    EXPECT_TRUE(glob_match("[abc]", "b"));
    EXPECT_FALSE(glob_match("[abc]", "d"));
    EXPECT_FALSE(glob_match("[abc]", ""));
    EXPECT_TRUE(glob_match("x[0-9]y", "x5y"));
    EXPECT_FALSE(glob_match("x[0-9]y", "xay"));
    EXPECT_TRUE(glob_match("[!a]", "b"));
    EXPECT_FALSE(glob_match("[!a]", "a"));
    EXPECT_FALSE(glob_match("[^a-c]", "b"));
    EXPECT_TRUE(glob_match("[]]", "]"));
    EXPECT_TRUE(glob_match("[!]]", "a"));
    EXPECT_TRUE(glob_match("[a-]", "-"));
    EXPECT_TRUE(glob_match("[\x80-\xFF]", "\xC3"));  // bytes are not negative
    EXPECT_TRUE(glob_match("*[0-9].bin", "a1b2.bin"));
}

TEST(Glob, ABracketWithoutAnEndIsItself) {
    EXPECT_TRUE(glob_match("[abc", "[abc"));
    EXPECT_FALSE(glob_match("[abc", "a"));
    EXPECT_TRUE(glob_match("[", "["));
    EXPECT_TRUE(glob_match("*[", "a["));
}

TEST(Glob, ManyStarsOnALongTextEnd) {
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += "*a";
    EXPECT_FALSE(glob_match(pattern + "b", std::string(1024, 'a')));
    EXPECT_TRUE(glob_match(pattern, std::string(1024, 'a')));
}

TEST(Glob, BracketsThatDoNotEndWhereTheyCould) {
    EXPECT_TRUE(glob_match("[]a]*[[", "]b[["));
    EXPECT_TRUE(glob_match("[]", "[]"));
    EXPECT_FALSE(glob_match("[]", "]"));
}

// A pattern of one segment that has to be searched for.
std::string searched(std::string_view element, std::size_t count, std::string_view end) {
    std::string pattern = "*";
    for (std::size_t i = 0; i < count; ++i) pattern += element;
    return pattern.append(end);
}

// The bound of glob.h, for the patterns that make other matchers quadratic, on texts that almost
// match. Steps, not seconds: the machine may be busy.
TEST(Glob, StepsAreLinearInTheText) {
    const std::string stars = searched("*a", 500, "b");
    const std::string patterns[] = {searched("a", 1000, "b"),
                                    searched("a", 1000, "b*"),
                                    searched("?", 1000, "b*"),
                                    searched("[ab]", 250, "c*"),
                                    searched("a?", 500, "b*"),
                                    searched("[", 1000, "x*"),
                                    stars,
                                    stars + "*",
                                    searched("*", 1000, "b"),
                                    searched("?*a", 300, "b*"),
                                    searched("[!b]a", 150, "b*c*")};
    for (const std::string& pattern : patterns) {
        for (const char c : {'a', '['}) {
            for (const std::size_t size : {1UL, 64UL, 1024UL, 16'384UL, 262'144UL}) {
                std::uint64_t steps = 0;
                Glob(pattern).matches(std::string(size, c), steps);
                EXPECT_LE(steps, test::glob_reference::steps_max(pattern.size(), size))
                    << pattern.substr(0, 20) << " on " << size << " of " << c;
            }
        }
    }
    // Ordinary patterns cost a step a byte, or none.
    std::uint64_t steps = 0;
    EXPECT_TRUE(Glob("*.jpg").matches(std::string(1000, 'x') + ".jpg", steps));
    EXPECT_LE(steps, 5U);
    steps = 0;
    EXPECT_FALSE(Glob("*/tmp/*").matches(std::string(1000, 'x'), steps));
    EXPECT_LE(steps, 1001U);
}

// Short alphabets, so that random patterns match random texts often.
TEST(Glob, IsTheReferenceOnRandomPatterns) {
    constexpr std::array<std::string_view, 14> kPieces = {
        "a", "b", "c", "*", "*", "?", "[ab]", "[!a]", "[a-b]", "[", "]", "[^]c]", "-", "!"};
    base::Random random(20'261'130);
    std::size_t matched = 0;
    for (int i = 0; i < 60'000; ++i) {
        std::string pattern, text;
        const std::size_t pieces = random.below(i % 50 == 0 ? 150 : 9);
        for (std::size_t p = 0; p < pieces; ++p) pattern += kPieces[random.below(kPieces.size())];
        const std::size_t size = random.below(i % 50 == 0 ? 200 : 12);
        for (std::size_t t = 0; t < size; ++t) text += "aabbc[]-!"[random.below(9)];
        const bool expected = test::glob_reference::match(pattern, text);
        ASSERT_EQ(glob_match(pattern, text), expected) << pattern << " on " << text;
        matched += expected ? 1 : 0;
    }
    EXPECT_GT(matched, 3000U);
}

// Segments that end and begin anywhere in a word of 64 elements.
TEST(Glob, SegmentsAcrossWords) {
    for (std::size_t first = 55; first < 75; ++first) {
        for (std::size_t second = 1; second < 140; second += 23) {
            const std::string a(first, 'a'), b(second, 'b');
            const std::string pattern = "*" + a + "*" + b + "c*";
            EXPECT_TRUE(glob_match(pattern, "xx" + a + b + b + "c"));
            EXPECT_FALSE(glob_match(pattern, "xx" + a + b.substr(1) + "c"));
            EXPECT_FALSE(glob_match(pattern, "xx" + a.substr(1) + "x" + b + "c"));
        }
    }
}

}  // namespace
}  // namespace archive
