// Ranges as S3 reads them: of a GET (anything malformed, multiple or inverted is ignored: 200 with
// the whole object) and of UploadPartCopy (exactly bytes=a-b, within the object).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "s3sim/numbers.h"

namespace s3sim {

struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};
enum class RangeKind : std::uint8_t { none, partial, unsatisfiable };

inline RangeKind parse_range(std::string_view header, std::uint64_t size, ByteRange& range) {
    if (!header.starts_with("bytes=")) return RangeKind::none;
    header.remove_prefix(6);
    const auto dash = header.find('-');
    if (dash == std::string_view::npos) return RangeKind::none;
    const std::string_view first_text = header.substr(0, dash);
    const std::string_view last_text = header.substr(dash + 1);
    const auto last = parse_number(last_text);
    if (first_text.empty()) {  // the last N bytes
        if (!last) return RangeKind::none;
        if (*last == 0 || size == 0) return RangeKind::unsatisfiable;
        const std::uint64_t n = std::min(*last, size);
        range = {size - n, n};
        return RangeKind::partial;
    }
    const auto first = parse_number(first_text);
    if (!first || (!last_text.empty() && (!last || *last < *first))) return RangeKind::none;
    if (*first >= size) return RangeKind::unsatisfiable;
    range = {*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
    return RangeKind::partial;
}

// False: not of the form bytes=a-b with a <= b.
inline bool parse_copy_range(std::string_view header, ByteRange& range) {
    if (!header.starts_with("bytes=")) return false;
    header.remove_prefix(6);
    const auto dash = header.find('-');
    if (dash == std::string_view::npos) return false;
    const auto first = parse_number(header.substr(0, dash));
    const auto last = parse_number(header.substr(dash + 1));
    if (!first || !last || *last < *first) return false;
    range = {*first, *last - *first + 1};
    return true;
}

}  // namespace s3sim
