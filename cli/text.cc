#include "cli/text.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace cli {
namespace {

// Three significant digits: 1.00, 15.7, 812.
std::string three_digits(double value) {
    if (value < 9.995) return fmt::format("{:.2f}", value);
    if (value < 99.95) return fmt::format("{:.1f}", value);
    return fmt::format("{:.0f}", value);
}

std::string scaled(double value) {
    constexpr std::array<std::string_view, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < kUnits.size()) {
        value /= 1000;
        ++unit;
    }
    if (unit == 0) return fmt::format("{:.0f} B", value);
    return fmt::format("{} {}", three_digits(value), kUnits[unit]);
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// C0, DEL and, as two bytes, C1: U+009B is what ESC [ is.
bool drives_terminal(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    if (first < 0x20 || first == 0x7F) return true;
    return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

}  // namespace

std::string size_text(std::uint64_t bytes) { return scaled(static_cast<double>(bytes)); }

std::string rate_text(double bytes_per_second) {
    return scaled(std::max(0.0, bytes_per_second)) + "/s";
}

std::string duration_text(std::uint64_t duration_ms) {
    if (duration_ms < 59'950) {
        return fmt::format("{:.1f} s", static_cast<double>(duration_ms) / 1000);
    }
    const std::uint64_t seconds = (duration_ms + 500) / 1000;
    if (seconds < 3600) return fmt::format("{} m {:02} s", seconds / 60, seconds % 60);
    return fmt::format("{} h {:02} m", seconds / 3600, seconds / 60 % 60);
}

std::string clock_text(std::uint64_t seconds) {
    if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
    return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string count_text(std::uint64_t count) {
    std::string digits = std::to_string(count);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string usd_text(double usd) {
    // Below a cent the first significant digits count, above it cents do.
    if (usd <= 0) return "$0";
    return usd < 0.01 ? fmt::format("${:.6f}", usd) : fmt::format("${:.4f}", usd);
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = base::utf8_sequence_size(text);
        const std::string_view character = text.substr(0, std::max<std::size_t>(size, 1));
        if (size == 0 || drives_terminal(character)) {
            for (const char c : character)
                out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += character;
        }
        text.remove_prefix(character.size());
    }
    return out;
}

std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<std::size_t>& right) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], characters(row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string blanks(widths[i] - characters(row[i]), ' ');
            const bool to_right = std::ranges::find(right, i) != right.end();
            if (i > 0) line += "  ";
            line += to_right ? blanks + row[i] : i + 1 < row.size() ? row[i] + blanks : row[i];
        }
        out += line + "\n";
    }
    return out;
}

}  // namespace cli
