#include "cli/text.h"

#include <gtest/gtest.h>

namespace {

using namespace cli;

TEST(Text, SizesHaveThreeDigitsAndDecimalUnits) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(999), "999 B");
    EXPECT_EQ(size_text(1000), "1.00 kB");
    EXPECT_EQ(size_text(9'994), "9.99 kB");
    EXPECT_EQ(size_text(9'996), "10.0 kB");
    EXPECT_EQ(size_text(999'499), "999 kB");
    EXPECT_EQ(size_text(999'500), "1.00 MB");
    EXPECT_EQ(size_text(15'728'640'000), "15.7 GB");
    EXPECT_EQ(size_text(UINT64_MAX), "18.4 EB");
    EXPECT_EQ(rate_text(812e6), "812 MB/s");
    EXPECT_EQ(rate_text(-1), "0 B/s");
}

TEST(Text, Durations) {
    EXPECT_EQ(duration_text(0), "0.0 s");
    EXPECT_EQ(duration_text(59'949), "59.9 s");
    EXPECT_EQ(duration_text(59'950), "1 m 00 s");
    EXPECT_EQ(duration_text(125'000), "2 m 05 s");
    EXPECT_EQ(duration_text(3'599'499), "59 m 59 s");
    EXPECT_EQ(duration_text(11'220'000), "3 h 07 m");
    EXPECT_EQ(clock_text(7), "0:07");
    EXPECT_EQ(clock_text(3599), "59:59");
    EXPECT_EQ(clock_text(11'225), "3:07:05");
}

TEST(Text, CountsAndMoney) {
    EXPECT_EQ(count_text(0), "0");
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(count_text(1000), "1,000");
    EXPECT_EQ(count_text(1'234'567), "1,234,567");
    EXPECT_EQ(usd_text(0), "$0");
    EXPECT_EQ(usd_text(0.0000054), "$0.000005");
    EXPECT_EQ(usd_text(0.0524), "$0.0524");
}

TEST(Text, PrintableLetsNoControlByteThrough) {
    EXPECT_EQ(printable("a\x1b[2Jb\r\n\x7f"), "a\\x1b[2Jb\\x0d\\x0a\\x7f");
    EXPECT_EQ(printable("größe/文件\u00A0"), "größe/文件\u00A0");
    EXPECT_EQ(printable("\u009B2J\u0080\u009F"), "\\xc2\\x9b2J\\xc2\\x80\\xc2\\x9f");  // C1
    EXPECT_EQ(printable("caf\xE9.txt\x9B"), "caf\\xe9.txt\\x9b");                      // not UTF-8
    EXPECT_EQ(printable(""), "");
}

TEST(Text, TableAlignsByCharacters) {
    EXPECT_EQ(table({{"ID", "SIZE", "NAME"}, {"ä", "10", "x"}, {"abc", "7", "yy"}}, {1}),
              "ID   SIZE  NAME\n"
              "ä      10  x\n"
              "abc     7  yy\n");
    EXPECT_EQ(table({}), "");
}

}  // namespace
