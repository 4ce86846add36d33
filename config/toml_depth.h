// Keys of a TOML text that have too many parts. Each part of a.b.c is a table in a table, and who
// takes deep ones apart recurses: a key of a million parts would end the process. Reads the text
// once, allocates nothing.
#pragma once

#include <optional>
#include <string_view>

#include "config/toml_file.h"

namespace config {

// Where the first key with more than parts_max begins to be too long. Of text that is no TOML it is
// right up to the first error.
std::optional<TomlPlace> find_deep_key(std::string_view text, unsigned parts_max);

}  // namespace config
