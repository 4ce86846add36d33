// The one list of settings. A row is all there is to a setting: its flag, variable and key follow
// from its name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace config {

enum class Kind : std::uint8_t { text, number, size };  // in the file: a string, an integer, either

struct Setting {
    std::string_view name;  // of the flag; the variable and the key follow from it
    std::string_view value_name;
    Kind kind;
    std::string_view help;
    std::string (*set)(Settings&, std::string_view);  // empty: taken; else what is wrong
    std::string_view aws, aws_weaker;                 // variables an SDK honours
};

std::span<const Setting> all_settings();  // in the order of --help

std::string key_of(const Setting& setting);       // part_size
std::string variable_of(const Setting& setting);  // S3ZIPD_PART_SIZE

}  // namespace config
