// TOML files as plain values that know where they stand. The only place that knows toml++.
//
// Pure but for reading the file. Whatever bytes are given, it neither aborts nor recurses deeply:
// files are bounded, and so is how deep tables and arrays may lie in one another. What is wrong is
// said with line and column, and does not quote the value: it could be a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace config {

inline constexpr std::size_t kTomlBytesMax = 1024 * 1024;
inline constexpr unsigned kTomlNestingMax = 16;       // arrays and tables in one another
inline constexpr unsigned kTomlDottedKeyMax = 16;     // a.b.c has 3
inline constexpr std::size_t kTomlProblemsMax = 100;  // more are not looked for

struct TomlPlace {
    unsigned line = 0;  // from 1
    unsigned column = 0;
    auto operator<=>(const TomlPlace&) const = default;
};

enum class TomlType : std::uint8_t { text, integer, boolean, list, table, other };

struct TomlEntry;
struct TomlValue {
    TomlType type = TomlType::other;  // other: floating-point numbers, dates and times
    std::string text;                 // of text; an integer in decimal; true, false
    std::vector<TomlValue> items;     // of a list
    std::vector<TomlEntry> entries;   // of a table, in the file's order
    TomlPlace place;
};
struct TomlEntry {
    std::string key;
    TomlValue value;
    TomlPlace place;  // of the key
};

struct TomlProblem {
    TomlPlace place;
    std::string what;
};

struct TomlDocument {
    std::vector<TomlEntry> entries;  // in the file's order
    // Of syntax. Lines with one were left out, and the rest read all the same.
    std::vector<TomlProblem> problems;
};

TomlDocument parse_toml(std::string_view text, std::size_t problems_max = kTomlProblemsMax);

// The bytes of a file. Errors: invalid "bad_config_file": it cannot be read, or is longer.
base::Result<std::string> read_bounded_file(const std::string& path, std::size_t bytes_max);
// Its errors, if the file cannot be read or is longer than kTomlBytesMax.
base::Result<TomlDocument> read_toml_file(const std::string& path);

}  // namespace config
