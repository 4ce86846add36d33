// The head of one HTTP/1.1 response as plain data. Made by the ResponseParser, read by everything
// that calls S3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace s3client {

enum class BodyKind : std::uint8_t {
    none,         // HEAD, 204, 304, or Content-Length: 0
    length,       // exactly content_length bytes follow
    chunked,      // framed: only the parser knows where it ends
    until_close,  // ends with the connection; a broken one cannot be told from a short one
};

struct ResponseHead {
    int status = 0;
    std::vector<std::pair<std::string, std::string>>
        headers;                                  // names in lower case, values trimmed
    std::optional<std::uint64_t> content_length;  // as sent; of a HEAD: the object's size
    BodyKind body = BodyKind::none;
    bool keep_alive = false;  // the connection may carry another request once this body is read

    // The first header of this name (any case), nullptr if there is none. Valid while the head is
    // unchanged.
    const std::string* find(std::string_view name) const;
    std::string_view get(std::string_view name) const;  // its value, or ""
    std::uint64_t body_length() const { return body == BodyKind::length ? *content_length : 0; }
};

// Content-Range: bytes 0-9/443. `size` is none for "*".
struct ContentRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> size;
};
base::Result<ContentRange> parse_content_range(std::string_view value);

}  // namespace s3client
