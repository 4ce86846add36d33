#include "base/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace base {
namespace {

UtcTime at_ms(std::int64_t ms) { return UtcTime(std::chrono::milliseconds(ms)); }

// 1792501502 is 2026-10-20T13:05:02Z (date -u -d @1792501502).
constexpr std::int64_t kMs = 1'792'501'502'123;

TEST(Time, IsWrittenAsRfc3339WithMilliseconds) {
    EXPECT_EQ(format_rfc3339(at_ms(kMs)), "2026-10-20T13:05:02.123Z");
    EXPECT_EQ(format_rfc3339(at_ms(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(at_ms(-1)), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(format_rfc3339(at_ms(951'782'400'000)), "2000-02-29T00:00:00.000Z");
}

TEST(Time, IsWrittenAsSigV4WantsIt) { EXPECT_EQ(format_amz_date(at_ms(kMs)), "20261020T130502Z"); }

TEST(Time, IsReadFromRfc3339) {
    EXPECT_EQ(parse_rfc3339("2026-10-20T13:05:02.123Z").value(), at_ms(kMs));
    EXPECT_EQ(parse_rfc3339("2026-10-20T13:05:02Z").value(), at_ms(kMs - 123));
    EXPECT_EQ(parse_rfc3339("2026-10-20t13:05:02z").value(), at_ms(kMs - 123));
    EXPECT_EQ(parse_rfc3339("2026-10-20T13:05:02.1Z").value(), at_ms(kMs - 23));
    EXPECT_EQ(parse_rfc3339("2026-10-20T13:05:02.123999999Z").value(), at_ms(kMs));
    EXPECT_EQ(parse_rfc3339("2026-10-20T13:05:02+00:00").value(), at_ms(kMs - 123));
    EXPECT_EQ(parse_rfc3339("2026-10-20T15:05:02.123456+02:00").value(), at_ms(kMs));
    EXPECT_EQ(parse_rfc3339("2026-10-20T09:35:02.123-03:30").value(), at_ms(kMs));
    EXPECT_EQ(parse_rfc3339("2026-10-21T12:04:02.123+22:59").value(), at_ms(kMs));
}

TEST(Time, RefusesWhatIsNoRfc3339Time) {
    for (const char* text :
         {"", "2026-10-20", "2026-10-20T13:05:02", "2026-10-20T13:05:02+0200",
          "2026-10-20T13:05:02+24:00", "2026-10-20T13:05:02+02:60", "2026-10-20T13:05:02 02:00",
          "2026-10-20T13:05:02+2:00", "2026-10-20T13:05:02+02:00Z", "2026-10-20T13:05:02.5",
          "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
          "2026-10-20T24:00:00Z", "2026-10-20T13:60:00Z", "2026-10-2OT13:05:02Z",
          "2026/10/20T13:05:02Z", "2026-10-20T13:05:02Zx", "-026-10-20T13:05:02Z"}) {
        const auto time = parse_rfc3339(text);
        ASSERT_FALSE(time.has_value()) << text;
        EXPECT_EQ(time.error().kind, ErrorKind::invalid);
    }
}

TEST(Time, IsReadFromAnHttpDate) {
    EXPECT_EQ(parse_http_date("Tue, 20 Oct 2026 13:05:02 GMT").value(), at_ms(kMs - 123));
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").value(), at_ms(784'111'777'000));
}

TEST(Time, RefusesWhatIsNoHttpDate) {
    for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                             "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nox 1994 08:49:37 GMT",
                             "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT "}) {
        EXPECT_FALSE(parse_http_date(text).has_value()) << text;
    }
}

TEST(Time, SteadyClockNeverGoesBack) {
    SteadyTime last = system_clock().steady_now();
    for (int i = 0; i < 1000; ++i) {
        const SteadyTime now = system_clock().steady_now();
        ASSERT_GE(now, last);
        last = now;
    }
}

}  // namespace
}  // namespace base
