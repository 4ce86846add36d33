// What toml++ is not to be given. Each reads the text once, and allocates nothing.
#pragma once

#include <optional>
#include <string_view>

#include "config/toml_file.h"

namespace config {

// Where the first key with more than parts_max begins to be too long. Each part of a.b.c is a table
// in a table, and who takes deep ones apart recurses: a key of a million parts would end the
// process. Of text that is no TOML it is right up to the first error.
std::optional<TomlPlace> find_deep_key(std::string_view text, unsigned parts_max);

// The first byte that is not UTF-8. toml++ decodes ahead, and says where it was itself.
std::optional<TomlPlace> find_bad_utf8(std::string_view text);

}  // namespace config
