// Query parameters of the REST API's resources, and what is wrong with them. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/api_target.h"
#include "daemon/job_view.h"
#include "daemon/problem.h"

namespace s3zipd {

inline constexpr std::string_view kNoCursor = "is not a next_cursor";
inline constexpr std::string_view kNoParameter = "is not a parameter of this resource";

// The name of a parameter that is there more than once.
std::optional<std::string> repeated_parameter(const Target& target);
Problem bad_parameter(std::string_view name, std::string_view wrong);
// What is wrong with it; empty if nothing is.
std::string read_limit(std::string_view text, std::size_t max, std::size_t& limit);
// One of GET /archives.
std::optional<Problem> read_parameter(std::string_view name, const std::string& text,
                                      ListQuery& query);

}  // namespace s3zipd
