#include "config/byte_size.h"

#include <array>
#include <charconv>

namespace config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t bytes;
};
constexpr std::array<Unit, 9> kUnits = {{{"", 1},
                                         {"KiB", 1ULL << 10},
                                         {"MiB", 1ULL << 20},
                                         {"GiB", 1ULL << 30},
                                         {"TiB", 1ULL << 40},
                                         {"KB", 1'000},
                                         {"MB", 1'000'000},
                                         {"GB", 1'000'000'000},
                                         {"TB", 1'000'000'000'000}}};

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const Unit& u : kUnits) {
        if (u.name != unit) continue;
        if (number > UINT64_MAX / u.bytes) return std::nullopt;
        return number * u.bytes;
    }
    return std::nullopt;
}

std::string format_byte_size(std::uint64_t bytes) {
    std::size_t best = 0;
    for (std::size_t i = 1; i <= 4 && bytes != 0; ++i) {
        if (bytes % kUnits[i].bytes == 0) best = i;
    }
    return std::to_string(bytes / kUnits[best].bytes).append(kUnits[best].name);
}

}  // namespace config
