// The one list of settings. A row is all there is to a setting: its flag, variable and key follow
// from its name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace config {

// In the file: a string, an integer, either, true or false; a string that is never shown, because
// people may have put a secret there by mistake.
enum class Kind : std::uint8_t { text, number, size, flag, digest };

struct Setting {
    std::string_view name;  // of the flag; the variable and the key follow from it
    std::string_view value_name;
    Kind kind;
    std::string_view default_text;  // empty: none, or that of somebody else
    bool reloadable;                // may change while the daemon runs
    std::string_view help;
    std::string (*set)(Settings&, std::string_view);  // empty: taken; else what is wrong
};

std::span<const Setting> all_settings();  // in the order of --help

std::string key_of(const Setting& setting);       // part_size
std::string variable_of(const Setting& setting);  // S3ZIPD_PART_SIZE

}  // namespace config
