#include "base/utf8.h"

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Utf8, AsUtf8KeepsWhatIsValid) {
    for (const char* text : {"", "plain", "\x7F\x01", "\xC3\xA4", "\xE2\x82\xAC",
                             "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_TRUE(is_valid_utf8(text)) << text;
        EXPECT_EQ(as_utf8(text), text);
    }
    EXPECT_EQ(as_utf8(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8, EachByteOfNoSequenceIsReplaced) {
    const std::string r = "\xEF\xBF\xBD";
    EXPECT_EQ(as_utf8("\xFF"), r);
    EXPECT_EQ(as_utf8("a\xFF"
                      "b\x80"
                      "c"),
              "a" + r + "b" + r + "c");
    EXPECT_EQ(as_utf8("\xC3\"}"), r + "\"}");               // a lead byte takes nothing with it
    EXPECT_EQ(as_utf8("\xE2\x82"), r + r);                  // cut off
    EXPECT_EQ(as_utf8("\xC0\x80"), r + r);                  // overlong
    EXPECT_EQ(as_utf8("\xED\xA0\x80"), r + r + r);          // a surrogate
    EXPECT_EQ(as_utf8("\xF4\x90\x80\x80"), r + r + r + r);  // beyond U+10FFFF
    EXPECT_EQ(as_utf8("\xC3\xC3\xA4"), r + "\xC3\xA4");
}

TEST(Utf8, WhateverComesInIsValidAfterwards) {
    for (unsigned a = 0; a < 256; ++a) {
        for (unsigned b = 0; b < 256; ++b) {
            const std::string text = {'x', static_cast<char>(a), static_cast<char>(b), '\x80', 'y'};
            EXPECT_TRUE(is_valid_utf8(as_utf8(text))) << a << " " << b;
            EXPECT_EQ(is_valid_utf8(text), as_utf8(text) == text) << a << " " << b;
        }
    }
}

}  // namespace
}  // namespace base
