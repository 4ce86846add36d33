// How settings are put together, weakest first: defaults, STATE_DIRECTORY, the file, variables,
// flags; then the rules that several of them must keep. Goes on after an error, so that all can be
// told. load() and check() are its callers.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "config/settings_table.h"

namespace config {

struct Loading {
    Settings settings;                  // as far as they could be read
    std::vector<std::string> problems;  // "s3zipd.toml:12: part_size: '4MiB' must be ..."
};

// `checking`: also with --check-config among the arguments.
Loading load_all(const std::vector<std::string>& arguments, const Environment& environment,
                 const std::string& default_file, bool checking = false);

// What was said of a setting, else its default.
std::string text_of(const Settings& settings, const Setting& setting);

}  // namespace config
