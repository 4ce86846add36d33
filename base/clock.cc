#include "base/clock.h"

#include <fmt/format.h>
#include <array>
#include <charconv>
#include <optional>

namespace base {
namespace {

class SystemClock final : public Clock {
  public:
    SteadyTime steady_now() override { return std::chrono::steady_clock::now(); }
    UtcTime utc_now() override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
};

struct Civil {
    int year, month, day, hour, minute, second, millisecond;
};

Civil to_civil(UtcTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    return {static_cast<int>(date.year()),
            static_cast<int>(static_cast<unsigned>(date.month())),
            static_cast<int>(static_cast<unsigned>(date.day())),
            static_cast<int>(clock.hours().count()),
            static_cast<int>(clock.minutes().count()),
            static_cast<int>(clock.seconds().count()),
            static_cast<int>(clock.subseconds().count())};
}

Result<UtcTime> from_civil(const Civil& c) {
    const std::chrono::year_month_day date(std::chrono::year(c.year),
                                           std::chrono::month(static_cast<unsigned>(c.month)),
                                           std::chrono::day(static_cast<unsigned>(c.day)));
    if (!date.ok() || c.hour > 23 || c.minute > 59 || c.second > 60) {
        return fail(ErrorKind::invalid, "bad_time", "no such date or time of day");
    }
    return UtcTime(std::chrono::sys_days(date)) + std::chrono::hours(c.hour) +
           std::chrono::minutes(c.minute) + std::chrono::seconds(c.second) +
           std::chrono::milliseconds(c.millisecond);
}

// Exactly `width` decimal digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t width) {
    if (at + width > text.size()) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + width; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

// "Z", "+02:00", "-03:30"
std::optional<std::chrono::minutes> parse_offset(std::string_view zone) {
    if (zone == "Z" || zone == "z") return std::chrono::minutes(0);
    const int hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
    const bool shaped = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':';
    if (!shaped || hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
    const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    return zone[0] == '-' ? -offset : offset;
}

bool all_known(const Civil& c) {
    return c.year >= 0 && c.month > 0 && c.day > 0 && c.hour >= 0 && c.minute >= 0 && c.second >= 0;
}

}  // namespace

Clock& system_clock() {
    static SystemClock clock;
    return clock;
}

std::string format_rfc3339(UtcTime time) {
    const Civil c = to_civil(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", c.year, c.month, c.day, c.hour,
                       c.minute, c.second, c.millisecond);
}

std::string format_amz_date(UtcTime time) {
    const Civil c = to_civil(time);
    return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute,
                       c.second);
}

Result<UtcTime> parse_rfc3339(std::string_view text) {
    Civil c{digits(text, 0, 4),
            digits(text, 5, 2),
            digits(text, 8, 2),
            digits(text, 11, 2),
            digits(text, 14, 2),
            digits(text, 17, 2),
            0};
    const bool shaped = text.size() >= 20 && text[4] == '-' && text[7] == '-' &&
                        (text[10] == 'T' || text[10] == 't' || text[10] == ' ') &&
                        text[13] == ':' && text[16] == ':';
    if (!shaped || !all_known(c)) {
        return fail(ErrorKind::invalid, "bad_time",
                    fmt::format("'{}' is not an RFC 3339 time", text));
    }
    std::size_t at = 19;
    if (text[at] == '.') {
        int scale = 100;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
            c.millisecond += (text[at] - '0') * scale;
        }
    }
    const auto offset = parse_offset(text.substr(at));
    if (!offset) {
        return fail(ErrorKind::invalid, "bad_time",
                    fmt::format("'{}' does not end with Z or an offset such as +02:00", text));
    }
    auto time = from_civil(c);
    if (time) *time -= *offset;
    return time;
}

Result<UtcTime> parse_http_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    Civil c{digits(text, 12, 4), 0, digits(text, 5, 2), digits(text, 17, 2), digits(text, 20, 2),
            digits(text, 23, 2), 0};
    for (std::size_t i = 0; i < kMonths.size() && text.size() == 29; ++i) {
        if (text.substr(8, 3) == kMonths[i]) c.month = static_cast<int>(i) + 1;
    }
    if (!all_known(c) || !text.ends_with(" GMT")) {
        return fail(ErrorKind::invalid, "bad_time", fmt::format("'{}' is not an HTTP date", text));
    }
    return from_civil(c);
}

}  // namespace base
