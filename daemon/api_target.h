// The path and query of a request, taken apart and percent-decoded (RFC 3986; '+' is a space in the
// query only).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace s3zipd {

struct Target {
    std::vector<std::string> segments;  // "/archives/1" -> {"archives", "1"}; "/" -> {}
    std::vector<std::pair<std::string, std::string>> parameters;
};

std::optional<Target> parse_target(std::string_view text);

}  // namespace s3zipd
