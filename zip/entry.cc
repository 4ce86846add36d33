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
std::size_t utf8_sequence_size(std::string_view text) {
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto is_tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
    const unsigned lead = at(0);
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;  // a tail, or an overlong two-byte form
    if (lead < 0xE0) return is_tail(1) ? 2 : 0;
    if (lead < 0xF0) {
        const bool overlong = lead == 0xE0 && at(1) < 0xA0;
        const bool surrogate = lead == 0xED && at(1) > 0x9F;
        return !overlong && !surrogate && is_tail(1) && is_tail(2) ? 3 : 0;
    }
    if (lead > 0xF4) return 0;
    const bool overlong = lead == 0xF0 && at(1) < 0x90;
    const bool beyond = lead == 0xF4 && at(1) > 0x8F;
    return !overlong && !beyond && is_tail(1) && is_tail(2) && is_tail(3) ? 4 : 0;
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = utf8_sequence_size(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

bool has_utf8_flag(const Entry& entry) {
    return !is_ascii(entry.name) && is_valid_utf8(entry.name);
}

bool has_extended_timestamp(const Entry& entry) {
    using Limits = std::numeric_limits<std::int32_t>;
    return entry.mtime_unix_s >= Limits::min() && entry.mtime_unix_s <= Limits::max();
}

}  // namespace zip
