#include "zip/safe_path.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "zip/crc32.h"
#include "zip/entry.h"
#include "zip/names.h"

namespace zip {
namespace {

// Control characters, '\', and what no file name on Windows may hold (':' would even name a hidden
// stream): https://learn.microsoft.com/windows/win32/fileio/naming-a-file
constexpr std::array<bool, 256> make_refused() {
    std::array<bool, 256> refused{};
    for (unsigned c = 0; c < 0x20; ++c) refused[c] = true;
    refused[0x7F] = true;
    for (const char c : {'\\', '<', '>', ':', '"', '|', '?', '*'})
        refused[static_cast<unsigned char>(c)] = true;
    return refused;
}
constexpr std::array<bool, 256> kRefused = make_refused();
bool is_refused(char c) { return kRefused[static_cast<unsigned char>(c)]; }

char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool equals_upper(std::string_view text, std::string_view upper) {
    return std::ranges::equal(text, upper, {}, to_upper);
}

// The part of a component that Windows looks at for a device: up to the first dot, without spaces
// at its end.
std::string_view device_stem(std::string_view component) {
    std::string_view stem = component.substr(0, component.find('.'));
    while (stem.ends_with(' ')) stem.remove_suffix(1);
    return stem;
}

// CON, PRN, AUX, NUL, CONIN$, CONOUT$, COM and LPT with a digit, superscript ones included.
bool is_device(std::string_view stem) {
    switch (stem.size()) {
        case 3:
            return equals_upper(stem, "CON") || equals_upper(stem, "PRN") ||
                   equals_upper(stem, "AUX") || equals_upper(stem, "NUL");
        case 4:
            return (equals_upper(stem.substr(0, 3), "COM") ||
                    equals_upper(stem.substr(0, 3), "LPT")) &&
                   stem[3] >= '0' && stem[3] <= '9';
        case 5:
            return (equals_upper(stem.substr(0, 3), "COM") ||
                    equals_upper(stem.substr(0, 3), "LPT")) &&
                   (stem.substr(3) == "\xC2\xB9" || stem.substr(3) == "\xC2\xB2" ||
                    stem.substr(3) == "\xC2\xB3");
        case 6: return equals_upper(stem, "CONIN$");
        case 7: return equals_upper(stem, "CONOUT$");
        default: return false;
    }
}

// Where a VMS version begins: a last ';' with nothing but digits behind it. UnZip 6.0 drops it, so
// that "a;1" and "a;2" would be one file. npos if there is none.
std::size_t version_begin(std::string_view component) {
    const std::size_t semicolon = component.find_last_not_of("0123456789");
    const bool found = semicolon != std::string_view::npos && component[semicolon] == ';';
    return found ? semicolon : std::string_view::npos;
}

// Of a component that holds good characters only.
bool is_safe_component(std::string_view component) {
    return !component.empty() && component.size() <= kComponentSizeMax && component.back() != '.' &&
           component.back() != ' ' && version_begin(component) == std::string_view::npos &&
           !is_device(device_stem(component));
}

// U+0080..U+009F: control characters, in UTF-8.
bool is_c1(std::string_view sequence) {
    return sequence.size() == 2 && sequence[0] == '\xC2' &&
           static_cast<unsigned char>(sequence[1]) < 0xA0;
}

bool has_good_text(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = utf8_sequence_size(text);
        if (size == 0 || is_c1(text.substr(0, size))) return false;
        text.remove_prefix(size);
    }
    return true;
}

// One '_' for each refused character, and for each byte that belongs to no UTF-8 sequence.
std::string with_good_text(std::string_view text) {
    std::string good;
    good.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = utf8_sequence_size(text);
        const std::string_view sequence = text.substr(0, std::max<std::size_t>(size, 1));
        if (sequence == "\\") {
            good += '/';
        } else if (size == 0 || is_refused(sequence[0]) || is_c1(sequence)) {
            good += '_';
        } else {
            good += sequence;
        }
        text.remove_prefix(sequence.size());
    }
    return good;
}

// "stem~0a1b2c3d.ext": what was cut is in the CRC, so that long names rarely clash.
std::string shortened(std::string_view component) {
    std::string_view extension = component.substr(extension_begin(component));
    if (extension.size() > kExtensionSizeMax) extension = {};
    const std::string mark = fmt::format("~{:08x}", crc32_update(0, base::as_bytes(component)));
    const std::string_view stem =
        utf8_prefix(component, kComponentSizeMax - mark.size() - extension.size());
    return fmt::format("{}{}{}", stem, mark, extension);
}

// Of a component that is neither empty nor "." and holds good characters only.
std::string safe_component(std::string_view component) {
    if (component == "..") return "__";
    std::string safe(component);
    if (safe.back() == '.' || safe.back() == ' ') safe.back() = '_';
    if (const std::size_t at = version_begin(safe); at != std::string::npos) safe[at] = '_';
    if (const std::string_view stem = device_stem(safe); is_device(stem))
        safe.insert(stem.size(), 1, '_');
    return safe.size() > kComponentSizeMax ? shortened(safe) : safe;
}

}  // namespace

bool is_safe_path(std::string_view text) {
    unsigned char all = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_refused(c)) return false;
        all |= static_cast<unsigned char>(c);
        if (c != '/') continue;
        if (!is_safe_component(text.substr(begin, i - begin))) return false;
        begin = i + 1;
    }
    return is_safe_component(text.substr(begin)) && (all < 0x80 || has_good_text(text));
}

std::string safe_path(std::string_view text) {
    if (is_safe_path(text)) return std::string(text);
    const std::string good = with_good_text(text);
    std::string path;
    path.reserve(good.size());
    std::string_view rest = good;
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view component = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (component.empty() || component == ".") continue;
        if (!path.empty()) path += '/';
        path += safe_component(component);
    }
    return path;
}

}  // namespace zip
