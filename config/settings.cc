#include "config/settings.h"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>

#include "config/settings_table.h"
#include "config/toml_file.h"

extern char** environ;

namespace config {
namespace {

using base::ErrorKind;

base::Status set(Settings& settings, const Setting& setting, std::string_view value,
                 std::string_view place) {
    const std::string wrong = setting.set(settings, value);
    if (wrong.empty()) return {};
    return base::fail(ErrorKind::invalid, "bad_setting",
                      fmt::format("{}: '{}' {}", place, value, wrong));
}

// An empty variable counts as unset: that is how compose files and shells spell "none".
const std::string* find_variable(const Environment& environment, std::string_view name) {
    const auto found = environment.find(std::string(name));
    return found == environment.end() || found->second.empty() ? nullptr : &found->second;
}

struct Flags {
    Action action = Action::run;
    std::string config_file;
    std::vector<std::pair<const Setting*, std::string>> values;
};

base::Result<Flags> parse_flags(const std::vector<std::string>& arguments) {
    Flags flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--help" || argument == "-h") flags.action = Action::show_help;
        if (argument == "--version") flags.action = Action::show_version;
        if (flags.action != Action::run) return flags;
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const Setting* setting = nullptr;
        for (const Setting& s : all_settings()) {
            if (name.starts_with("--") && name.substr(2) == s.name) setting = &s;
        }
        if (setting == nullptr && name != "--config") {
            return base::fail(ErrorKind::invalid, "bad_usage",
                              fmt::format("{}: no such flag; see s3zipd --help", argument));
        }
        std::string value;
        if (equals != std::string_view::npos) {
            value = argument.substr(equals + 1);
        } else if (i + 1 < arguments.size()) {
            value = arguments[++i];
        } else {
            return base::fail(ErrorKind::invalid, "bad_usage",
                              fmt::format("{} needs a value", name));
        }
        if (setting == nullptr) {
            flags.config_file = std::move(value);
        } else {
            flags.values.emplace_back(setting, std::move(value));
        }
    }
    return flags;
}

constexpr const char* kStateDirectory = "STATE_DIRECTORY";

// What a value of the file must be; "" if it is.
std::string_view type_due(Kind kind, TomlType type) {
    switch (kind) {
        case Kind::text: return type == TomlType::text ? "" : "a string";
        case Kind::number: return type == TomlType::integer ? "" : "an integer";
        case Kind::size: return type == TomlType::boolean ? "a string or an integer" : "";
        case Kind::flag: break;
    }
    return type == TomlType::boolean ? "" : "true or false";
}

base::Status apply_file(Settings& settings) {
    const auto entries = read_toml_file(settings.config_file);
    if (!entries) return base::fail(entries.error());
    for (const TomlEntry& entry : *entries) {
        const Setting* setting = nullptr;
        for (const Setting& s : all_settings()) {
            if (key_of(s) == entry.key) setting = &s;
        }
        if (setting == nullptr) {
            return base::fail(ErrorKind::invalid, "bad_setting",
                              fmt::format("{}: {}: no such setting", entry.place, entry.key));
        }
        if (const std::string_view due = type_due(setting->kind, entry.type); !due.empty()) {
            return base::fail(ErrorKind::invalid, "bad_setting",
                              fmt::format("{}: {}: must be {}", entry.place, entry.key, due));
        }
        const std::string place = fmt::format("{}: {}", entry.place, entry.key);
        if (auto done = set(settings, *setting, entry.value, place); !done) return done;
    }
    return {};
}

base::Status apply_own_variables(Settings& settings, const Environment& environment) {
    for (const Setting& setting : all_settings()) {
        const std::string name = variable_of(setting);
        const std::string* value = find_variable(environment, name);
        if (value == nullptr) continue;
        if (auto done = set(settings, setting, *value, name); !done) return done;
    }
    for (auto it = environment.lower_bound("S3ZIPD_"); it != environment.end(); ++it) {
        if (!it->first.starts_with("S3ZIPD_")) break;
        bool known = it->first == "S3ZIPD_CONFIG" || it->first == "S3ZIPD_URL";  // s3zip's
        for (const Setting& setting : all_settings())
            known = known || variable_of(setting) == it->first;
        if (!known) settings.warnings.push_back(fmt::format("{} is not a setting", it->first));
    }
    return {};
}

}  // namespace

base::Result<Settings> load(const std::vector<std::string>& arguments,
                            const Environment& environment, const std::string& default_file) {
    auto flags = parse_flags(arguments);
    if (!flags) return base::fail(flags.error());
    Settings settings;
    settings.action = flags->action;
    if (settings.action != Action::run) return settings;

    if (!flags->config_file.empty()) {
        settings.config_file = flags->config_file;
    } else if (const auto* file = find_variable(environment, "S3ZIPD_CONFIG")) {
        settings.config_file = *file;
    } else if (access(default_file.c_str(), F_OK) == 0) {
        settings.config_file = default_file;
    }
    // Weakest first: each layer overwrites what the one before it said.
    if (const auto* list = find_variable(environment, kStateDirectory)) {
        // systemd's, where the unit has StateDirectory=. There may be several, the first is ours.
        const auto& all = all_settings();
        const auto setting = std::ranges::find(all, "state-dir", &Setting::name);
        const auto first = std::string_view(*list).substr(0, list->find(':'));
        if (auto done = set(settings, *setting, first, kStateDirectory); !done)
            return base::fail(done.error());
    }
    if (!settings.config_file.empty()) {
        if (auto done = apply_file(settings); !done) return base::fail(done.error());
    }
    if (auto done = apply_own_variables(settings, environment); !done)
        return base::fail(done.error());
    for (const auto& [setting, value] : flags->values) {
        const std::string place = fmt::format("--{}", setting->name);
        if (auto done = set(settings, *setting, value, place); !done)
            return base::fail(done.error());
    }
    return settings;
}

std::string usage() {
    std::string text =
        "Usage: s3zipd [--config FILE] [FLAG VALUE]...\n"
        "Builds ZIP archives out of S3 objects and leaves them in S3. Credentials come from where "
        "the\nAWS SDKs find them.\n\n";
    const auto line = [&](std::string_view flag, std::string_view help) {
        text += fmt::format("  {:<28} {}\n", flag, help);
    };
    line("--config FILE", fmt::format("settings file ({}, if it exists)", kDefaultConfigFile));
    for (const Setting& s : all_settings())
        line(fmt::format("--{} {}", s.name, s.value_name), s.help);
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
