// The cleaning rules of names.h, for paths and components. Pure.
#pragma once

#include <string>
#include <string_view>

namespace zip {

// Nothing for safe_path() to do: the usual case, found out in one pass.
bool is_safe_path(std::string_view text);
// The path without a slash at either end; empty if nothing is left of it. Cleaning it again changes
// nothing.
std::string safe_path(std::string_view text);

}  // namespace zip
