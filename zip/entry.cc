#include "zip/entry.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace zip {
namespace {

constexpr std::int64_t kDosLastUnixS = 4354819198;  // 2107-12-31T23:59:58Z

}  // namespace

DosDateTime dos_date_time(std::int64_t unix_s) {
    using namespace std::chrono;
    const sys_seconds instant{seconds{std::clamp(unix_s, kDosEpochUnixS, kDosLastUnixS)}};
    const sys_days day = floor<days>(instant);
    const year_month_day date{day};
    const hh_mm_ss time{instant - day};
    const auto field = [](auto value, int shift) { return static_cast<unsigned>(value) << shift; };
    DosDateTime dos;
    dos.date = static_cast<std::uint16_t>(field(static_cast<int>(date.year()) - 1980, 9) |
                                          field(static_cast<unsigned>(date.month()), 5) |
                                          static_cast<unsigned>(date.day()));
    dos.time = static_cast<std::uint16_t>(field(time.hours().count(), 11) |
                                          field(time.minutes().count(), 5) |
                                          field(time.seconds().count() / 2, 0));
    return dos;
}

bool is_ascii(std::string_view text) {
    unsigned char all = 0;
    for (const char c : text) all |= static_cast<unsigned char>(c);
    return all < 0x80;
}

// RFC 3629, section 4.
bool has_utf8_flag(const Entry& entry) {
    return !is_ascii(entry.name) && is_valid_utf8(entry.name);
}

bool has_extended_timestamp(const Entry& entry) {
    using Limits = std::numeric_limits<std::int32_t>;
    return entry.mtime_unix_s >= Limits::min() && entry.mtime_unix_s <= Limits::max();
}

}  // namespace zip
