// What somebody may have meant who wrote a name that does not exist.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace config {

// The one of `names` that is at most two typing errors away (one, if it is short); empty: none is.
// A typing error is a letter too many, too few, another one, or two exchanged.
std::string_view near_name(std::string_view written, std::span<const std::string> names);

// " (did you mean part_size?)", or nothing.
std::string did_you_mean(std::string_view written, std::span<const std::string> names);

}  // namespace config
