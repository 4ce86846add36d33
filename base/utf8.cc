#include "base/utf8.h"

namespace base {
namespace {

// Where the first byte is that belongs to no sequence; the size if there is none.
std::size_t valid_size(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        if (static_cast<unsigned char>(text[at]) < 0x80) {
            ++at;
            continue;
        }
        const std::size_t size = utf8_sequence_size(text.substr(at));
        if (size == 0) break;
        at += size;
    }
    return at;
}

}  // namespace

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

bool is_valid_utf8(std::string_view text) { return valid_size(text) == text.size(); }

std::string as_utf8(std::string text) {
    std::size_t valid = valid_size(text);
    if (valid == text.size()) return text;
    std::string out;
    out.reserve(text.size() + 16);
    std::string_view rest = text;
    while (true) {
        out.append(rest.substr(0, valid));
        if (valid == rest.size()) return out;
        out += "\xEF\xBF\xBD";
        rest.remove_prefix(valid + 1);
        valid = valid_size(rest);
    }
}

}  // namespace base
