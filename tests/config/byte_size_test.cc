#include "config/byte_size.h"

#include <gtest/gtest.h>

namespace config {
namespace {

TEST(ByteSize, ReadsNumbersWithAndWithoutUnit) {
    EXPECT_EQ(parse_byte_size("0"), 0u);
    EXPECT_EQ(parse_byte_size("1048576"), 1048576u);
    EXPECT_EQ(parse_byte_size("64KB"), 64'000u);
    EXPECT_EQ(parse_byte_size("64KiB"), 65'536u);
    EXPECT_EQ(parse_byte_size("256MiB"), 256ull << 20);
    EXPECT_EQ(parse_byte_size("5GiB"), 5ull << 30);
    EXPECT_EQ(parse_byte_size("1TB"), 1'000'000'000'000u);
    EXPECT_EQ(parse_byte_size("18446744073709551615"), UINT64_MAX);
}

TEST(ByteSize, RefusesAnythingElse) {
    for (const char* text :
         {"", "MiB", "-1", "+1", " 1", "1 ", "1.5GiB", "1kib", "1Mi", "1M", "0x10",
          "18446744073709551616", "18446744073709551615KB", "99999999999TiB"}) {
        EXPECT_FALSE(parse_byte_size(text).has_value()) << text;
    }
}

TEST(ByteSize, WritesTheShortestExactSpelling) {
    EXPECT_EQ(format_byte_size(0), "0");
    EXPECT_EQ(format_byte_size(1000), "1000");
    EXPECT_EQ(format_byte_size(1536), "1536");
    EXPECT_EQ(format_byte_size(256ull << 20), "256MiB");
    EXPECT_EQ(parse_byte_size(format_byte_size(5ull << 30)), 5ull << 30);
}

}  // namespace
}  // namespace config
