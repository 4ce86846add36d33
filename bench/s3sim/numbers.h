// Numbers as people and protocols write them, and other one-liners.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string_view>

namespace s3sim {

// Decimal digits and nothing else.
inline std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// A number of bytes: 5242880, 5MiB, 64KiB, 1GiB.
inline std::optional<std::uint64_t> parse_size(std::string_view text) {
    int shift = 0;
    if (text.ends_with("KiB")) shift = 10;
    if (text.ends_with("MiB")) shift = 20;
    if (text.ends_with("GiB")) shift = 30;
    if (text.ends_with("TiB")) shift = 40;
    if (shift != 0) text.remove_suffix(3);
    const auto value = parse_number(text);
    if (!value || *value > (UINT64_MAX >> shift)) return std::nullopt;
    return *value << shift;
}

// splitmix64's finisher: one well-mixed word from another.
inline std::uint64_t mix(std::uint64_t z) {
    z += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

template <typename Range, typename Value>
bool contains(const Range& range, const Value& value) {
    return std::ranges::find(range, value) != std::ranges::end(range);
}

}  // namespace s3sim
