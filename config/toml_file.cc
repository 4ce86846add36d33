#include "config/toml_file.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace config {

base::Result<std::vector<TomlEntry>> read_toml_file(const std::string& path) {
    const toml::parse_result parsed = toml::parse_file(path);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        return base::fail(
            base::ErrorKind::invalid, "bad_config_file",
            fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
    }
    std::vector<TomlEntry> entries;
    for (const auto& [key, node] : parsed.table()) {
        TomlEntry entry{std::string(key.str()),
                        {},
                        TomlType::text,
                        fmt::format("{}:{}", path, key.source().begin.line)};
        if (const auto* text = node.as_string()) {
            entry.value = text->get();
        } else if (const auto* integer = node.as_integer()) {
            entry.value = std::to_string(integer->get());
            entry.type = TomlType::integer;
        } else if (const auto* boolean = node.as_boolean()) {
            entry.value = boolean->get() ? "true" : "false";
            entry.type = TomlType::boolean;
        } else {
            return base::fail(
                base::ErrorKind::invalid, "bad_config_file",
                fmt::format("{}: {}: must be a string or an integer", entry.place, entry.key));
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace config
