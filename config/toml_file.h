// The settings file, read flat: one (key, value, line) per entry. The only place that knows toml++.
// Errors say file:line. Tables, arrays and dates are not settings and are refused here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace config {

enum class TomlType : std::uint8_t { text, integer, boolean };

struct TomlEntry {
    std::string key;
    std::string value;  // an integer in decimal; true, false
    TomlType type;
    std::string place;  // "s3zipd.toml:12"
};

base::Result<std::vector<TomlEntry>> read_toml_file(const std::string& path);

}  // namespace config
