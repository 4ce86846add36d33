#include "zip/entry.h"

#include <gtest/gtest.h>

namespace zip {
namespace {

constexpr std::uint16_t date(unsigned year, unsigned month, unsigned day) {
    return static_cast<std::uint16_t>((year - 1980) << 9 | month << 5 | day);
}
constexpr std::uint16_t time(unsigned hour, unsigned minute, unsigned second) {
    return static_cast<std::uint16_t>(hour << 11 | minute << 5 | second / 2);
}

TEST(DosDateTime, IsUtcInStepsOfTwoSeconds) {
    const DosDateTime dos = dos_date_time(1'700'000'001);  // 2023-11-14T22:13:21Z
    EXPECT_EQ(dos.date, date(2023, 11, 14));
    EXPECT_EQ(dos.time, time(22, 13, 20));
    const DosDateTime leap = dos_date_time(1'709'164'800);  // 2024-02-29T00:00:00Z
    EXPECT_EQ(leap.date, date(2024, 2, 29));
    EXPECT_EQ(leap.time, 0);
}

TEST(DosDateTime, IsClampedTo1980And2107) {
    for (const std::int64_t early :
         {kDosEpochUnixS, kDosEpochUnixS - 1, std::int64_t{0}, INT64_MIN}) {
        EXPECT_EQ(dos_date_time(early).date, date(1980, 1, 1));
        EXPECT_EQ(dos_date_time(early).time, 0);
    }
    for (const std::int64_t late :
         {INT64_C(4354819198), INT64_C(4354819199), INT64_C(4354819200), INT64_MAX}) {
        EXPECT_EQ(dos_date_time(late).date, date(2107, 12, 31));
        EXPECT_EQ(dos_date_time(late).time, time(23, 59, 58));
    }
    EXPECT_EQ(dos_date_time(4'354'819'197).time, time(23, 59, 56));
}

TEST(Utf8, AcceptsOnlyWhatRfc3629Does) {
    for (const char* good :
         {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
          "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA4z"}) {
        EXPECT_TRUE(is_valid_utf8(good)) << good;
    }
    for (const char* bad :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xED\xA0\x80",
          "\xE2\x82", "\xE2(\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
          "\xF0\x90\x80", "\xFF", "ok\xE4"}) {
        EXPECT_FALSE(is_valid_utf8(bad)) << bad;
    }
}

TEST(Entry, Utf8FlagExactlyForNonAsciiUtf8) {
    EXPECT_FALSE(has_utf8_flag({.name = "plain.txt"}));
    EXPECT_TRUE(has_utf8_flag({.name = "\xC3\xA4"}));
    EXPECT_FALSE(has_utf8_flag({.name = "\xE4"}));
}

TEST(Entry, ExtendedTimestampHoldsSigned32Bits) {
    EXPECT_TRUE(has_extended_timestamp({.name = "a", .mtime_unix_s = 0x7FFFFFFF}));
    EXPECT_FALSE(has_extended_timestamp({.name = "a", .mtime_unix_s = 0x80000000}));
    EXPECT_TRUE(has_extended_timestamp({.name = "a", .mtime_unix_s = -0x80000000LL}));
    EXPECT_FALSE(has_extended_timestamp({.name = "a", .mtime_unix_s = -0x80000001LL}));
}

}  // namespace
}  // namespace zip
