#include "safe_name.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

namespace fuzz {
namespace {

std::set<std::string> make_devices() {
    std::set<std::string> devices = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    for (const char* port : {"COM", "LPT"}) {
        for (const char* number :
             {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "\u00B9", "\u00B2", "\u00B3"}) {
            devices.insert(std::string(port) + number);
        }
    }
    return devices;
}

bool is_device(std::string_view component) {
    static const std::set<std::string> devices = make_devices();
    std::string stem;
    for (const char c : component) {
        if (c == '.') break;
        stem += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    while (!stem.empty() && stem.back() == ' ') stem.pop_back();
    return devices.contains(stem);
}

bool is_refused(std::uint32_t point) {
    if (point < 0x20 || (point >= 0x7F && point <= 0x9F)) return true;
    return point < 0x80 && std::strchr("<>:\"|?*\\", static_cast<int>(point)) != nullptr;
}

bool is_safe_component(std::string_view component) {
    if (component.empty() || component.size() > 255) return false;
    if (component.back() == '.' || component.back() == ' ') return false;  // "." and ".." as well
    // UnZip 6.0 takes a last ';' with digits, or with nothing, behind it for a version.
    const std::size_t semicolon = component.rfind(';');
    if (semicolon != std::string_view::npos &&
        std::ranges::all_of(component.substr(semicolon + 1),
                            [](char c) { return c >= '0' && c <= '9'; })) {
        return false;
    }
    return !is_device(component);
}

}  // namespace

std::optional<CodePoints> decode_utf8(std::string_view text) {
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    CodePoints points;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const int ones = std::countl_one(lead);
        const std::size_t size = ones == 0 ? 1 : static_cast<std::size_t>(ones);
        if (ones == 1 || ones > 4 || size > text.size() - i) return std::nullopt;
        std::uint32_t point = ones == 0 ? lead : lead & (0x7FU >> ones);
        for (std::size_t k = 1; k < size; ++k) {
            const auto tail = static_cast<unsigned char>(text[i + k]);
            if (std::countl_one(tail) != 1) return std::nullopt;
            point = point << 6 | (tail & 0x3F);
        }
        const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
        if (point < kLeast[size] || point > 0x10FFFF || is_surrogate) return std::nullopt;
        points.push_back(point);
        i += size;
    }
    return points;
}

bool is_utf8(std::string_view text) { return decode_utf8(text).has_value(); }

bool is_safe_name(std::string_view name) {
    const std::optional<CodePoints> points = decode_utf8(name);
    if (!points || std::ranges::any_of(*points, is_refused)) return false;
    if (name.ends_with('/')) name.remove_suffix(1);
    for (;;) {
        const std::size_t slash = std::min(name.find('/'), name.size());
        if (!is_safe_component(name.substr(0, slash))) return false;
        if (slash == name.size()) return true;
        name.remove_prefix(slash + 1);
    }
}

}  // namespace fuzz
