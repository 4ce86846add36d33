#include "config/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include "config/loading.h"
#include "config/settings_table.h"

extern char** environ;

namespace config {
base::Result<Settings> load(const std::vector<std::string>& arguments,
                            const Environment& environment, const std::string& default_file) {
    Loading loading = load_all(arguments, environment, default_file);
    if (loading.problems.empty()) return std::move(loading.settings);
    return base::fail(base::ErrorKind::invalid, "bad_setting", loading.problems.front());
}

std::vector<std::string> changed_needing_restart(const Settings& before, const Settings& now) {
    std::vector<std::string> changed;
    for (const Setting& setting : all_settings()) {
        if (!setting.reloadable && text_of(before, setting) != text_of(now, setting))
            changed.push_back(key_of(setting));
    }
    return changed;
}

std::string usage() {
    std::string text =
        "Usage: s3zipd [--config FILE] [--check-config] [FLAG VALUE]...\n"
        "Builds ZIP archives out of S3 objects and leaves them in S3. Credentials come from where "
        "the\nAWS SDKs find them.\n\n";
    const auto line = [&](std::string_view flag, std::string_view help) {
        text += fmt::format("  {:<28} {}\n", flag, help);
    };
    line("--config FILE", fmt::format("settings file ({}, if it exists)", kDefaultConfigFile));
    for (const Setting& s : all_settings())
        line(fmt::format("--{} {}", s.name, s.value_name), s.help);
    line("--check-config", "says what is wrong with the settings (exit code 2), or what they are");
    line("--help", "this text");
    line("--version", "the version");
    return text +
           "\nEach flag is also a key of the file (part_size) and a variable (S3ZIPD_PART_SIZE).\n"
           "A flag wins over a variable, that over the file, the file over AWS_* variables and the "
           "profile.\n";
}

Environment process_environment() {
    Environment environment;
    for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
        const std::string_view entry = *at;
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return environment;
}

}  // namespace config
