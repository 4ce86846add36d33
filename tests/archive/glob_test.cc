// Patterns on keys: what matches, what does not, and that hostile ones end.
#include "archive/glob.h"

#include <gtest/gtest.h>
#include <ctime>
#include <string>

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

// Each '[' would look through all of the pattern for its ']', at every place of the text: 15 s
// instead of 20 ms.
TEST(Glob, ManyBracketsWithoutAnEndAreQuick) {
    const std::string pattern = "*" + std::string(250, '[') + std::string(773, 'x');
    const std::clock_t before = std::clock();
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(glob_match(pattern, std::string(1024, '[')));
    EXPECT_LT((std::clock() - before) / CLOCKS_PER_SEC, 5);
    EXPECT_TRUE(glob_match("[]a]*[[", "]b[["));
    EXPECT_TRUE(glob_match("[]", "[]"));
    EXPECT_FALSE(glob_match("[]", "]"));
}

}  // namespace
}  // namespace archive
