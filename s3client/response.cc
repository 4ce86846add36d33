#include "s3client/response.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>

#include "s3client/clip.h"

namespace s3client {
namespace {

bool equals_lower(std::string_view lower, std::string_view any) {
    return std::ranges::equal(lower, any, [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
    });
}

// Takes a decimal number off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

}  // namespace

const std::string* ResponseHead::find(std::string_view name) const {
    for (const auto& [known, value] : headers) {
        if (equals_lower(known, name)) return &value;
    }
    return nullptr;
}

std::string_view ResponseHead::get(std::string_view name) const {
    const std::string* value = find(name);
    return value == nullptr ? std::string_view{} : std::string_view(*value);
}

base::Result<ContentRange> parse_content_range(std::string_view value) {
    std::string_view rest = value;
    const auto bad = [&] {
        return base::fail(base::ErrorKind::corrupt, "bad_content_range",
                          fmt::format("'{}' is not a Content-Range", clip(value, 100)));
    };
    ContentRange range;
    if (!take(rest, "bytes ")) return bad();
    const auto first = take_number(rest);
    if (!first || !take(rest, "-")) return bad();
    const auto last = take_number(rest);
    if (!last || !take(rest, "/") || *last < *first) return bad();
    range.first = *first;
    range.last = *last;
    if (rest == "*") return range;
    range.size = take_number(rest);
    if (!range.size || !rest.empty() || *range.size <= *last) return bad();
    return range;
}

}  // namespace s3client
