#include "zip/name_fold.h"

#include <utf8proc.h>
#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "zip/entry.h"

namespace zip {
namespace {

// Canonical decomposition with full case folding: U+00DF folds to "ss", U+00C5 and U+212B both to
// "a" and a ring.
constexpr auto kOptions =
    static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD);

void fold_ascii(std::string_view name, std::string& out) {
    out.resize(name.size());
    std::ranges::transform(name, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
}

std::string_view utf8_of(utf8proc_int32_t codepoint, std::array<utf8proc_uint8_t, 4>& bytes) {
    const auto size = utf8proc_encode_char(codepoint, bytes.data());
    return {reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size)};
}

// False if utf8proc does not take it, which then is not UTF-8.
bool decompose(std::string_view name, std::vector<utf8proc_int32_t>& points) {
    const auto* text = reinterpret_cast<const utf8proc_uint8_t*>(name.data());
    const auto size = static_cast<utf8proc_ssize_t>(name.size());
    points.resize(name.size() * 2 + 16);
    for (;;) {
        const auto room = static_cast<utf8proc_ssize_t>(points.size());
        const auto count = utf8proc_decompose(text, size, points.data(), room, kOptions);
        if (count < 0) return false;
        const bool fits = count <= room;
        points.resize(static_cast<std::size_t>(count));
        if (fits) return true;
    }
}

}  // namespace

void fold_name(std::string_view name, std::string& out) {
    thread_local std::vector<utf8proc_int32_t> points;
    if (is_ascii(name) || !is_valid_utf8(name) || !decompose(name, points)) {
        return fold_ascii(name, out);
    }
    out.clear();
    std::array<utf8proc_uint8_t, 4> bytes{};
    for (const utf8proc_int32_t point : points) out += utf8_of(point, bytes);
}

}  // namespace zip
