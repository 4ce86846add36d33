#include "config/toml_guard.h"

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace config {
namespace {

// Behind the string that begins at `at`, or the end of the text.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    const char quote = text[at];
    const bool escapes = quote == '"';
    const std::string three(3, quote);
    const bool multi_line = text.substr(at, 3) == three;
    at += multi_line ? 3 : 1;
    while (at < text.size()) {
        if (escapes && text[at] == '\\') {
            at += 2;
        } else if (multi_line && text.substr(at, 3) == three) {
            at += 3;
            // """"" is two quotes and the end.
            for (int i = 0; i < 2 && at < text.size() && text[at] == quote; ++i) ++at;
            return at;
        } else if (!multi_line && (text[at] == quote || text[at] == '\n')) {
            return at + 1;
        } else {
            ++at;
        }
    }
    return text.size();
}

TomlPlace place_at(std::string_view text, std::size_t at) {
    TomlPlace place{1, 1};
    for (const char c : text.substr(0, at)) {
        const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
        if (!continues) ++place.column;
        if (c == '\n') place = {place.line + 1, 1};
    }
    return place;
}

}  // namespace

std::optional<TomlPlace> find_deep_key(std::string_view text, unsigned parts_max) {
    unsigned parts = 1;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '"' || c == '\'') {
            at = end_of_string(text, at);
            continue;
        }
        if (c == '#') {
            at = std::min(text.find('\n', at), text.size());
            continue;
        }
        // What can stand between two keys. Only numbers have dots elsewhere, and one at most.
        if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}')
            parts = 1;
        if (c == '.' && ++parts > parts_max) return place_at(text, at);
        ++at;
    }
    return std::nullopt;
}

std::optional<TomlPlace> find_bad_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = base::utf8_sequence_size(text.substr(at));
        if (size == 0) return place_at(text, at);
        at += size;
    }
    return std::nullopt;
}

}  // namespace config
