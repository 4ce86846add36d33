// clip(): the front of a text for an error message, without cutting a UTF-8 character in two
// (details end up in JSON). A view into `text`; no allocation.
#pragma once

#include <cstddef>
#include <string_view>

namespace s3client {

constexpr std::string_view clip(std::string_view text, std::size_t size_max_bytes) {
    if (text.size() <= size_max_bytes) return text;
    while (size_max_bytes > 0 &&
           (static_cast<unsigned char>(text[size_max_bytes]) & 0xc0) == 0x80) {
        --size_max_bytes;
    }
    return text.substr(0, size_max_bytes);
}

}  // namespace s3client
