// s3zipd --check-config: reads settings as a start would, and what they name: the tokens file and
// the PEM files. Tells all that is wrong, not only the first thing. Reads files, writes none.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace config {

struct Report {
    Settings settings;                  // as far as they could be read
    std::vector<std::string> problems;  // "s3zipd.toml:12: part_size: '4MiB' must be ..."
    std::vector<std::string> notes;     // "tokens.toml: ok, 3 tokens"
    bool good() const { return problems.empty(); }
};

Report check(const std::vector<std::string>& arguments, const Environment& environment,
             const std::string& default_file = kDefaultConfigFile);

// What is printed: if all is good, "FILE: ok", the settings that are not the default and who set
// them, and notes; else one line per problem. Shows no hash of a token.
std::string to_text(const Report& report);

}  // namespace config
