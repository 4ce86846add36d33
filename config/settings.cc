#include "config/settings.h"

#include <array>
#include <fmt/format.h>
#include <unistd.h>

#include "config/toml_file.h"
#include "config/values.h"

extern char** environ;

namespace config {
namespace {

using base::ErrorKind;

enum class Kind : std::uint8_t { text, number, size };  // in the file: a string, an integer, either

struct Setting {
    std::string_view name;  // of the flag; the variable and the key follow from it
    std::string_view value_name;
    Kind kind;
    std::string_view help;
    std::string (*set)(Settings&, std::string_view);  // empty: taken; else what is wrong
    std::string_view aws, aws_weaker;                 // variables an SDK honours
};

std::string set_io(Settings& s, std::string_view text) {
    if (text == "auto") {
        s.io = Io::automatic;
    } else if (text == "uring") {
        s.io = Io::uring;
    } else if (text == "epoll") {
        s.io = Io::epoll;
    } else {
        return "must be uring, epoll or auto";
    }
    return {};
}
std::string set_log_level(Settings& s, std::string_view text) {
    return base::parse_log_level(text, s.log_level) ? "" : "must be debug, info, warn or error";
}
std::string set_log_format(Settings& s, std::string_view text) {
    if (text != "text" && text != "json") return "must be text or json";
    s.log_format = text == "json" ? base::LogFormat::json : base::LogFormat::text;
    return {};
}
std::string set_addressing(Settings& s, std::string_view text) {
    if (text != "auto" && text != "path" && text != "virtual")
        return "must be auto, path or virtual";
    s.addressing = text;
    return {};
}
std::string set_part_size(Settings& s, std::string_view text) {
    if (text == "0") {
        s.part_size_bytes = 0;
        return {};
    }
    return read_size(text, kPartSizeMin, kPartSizeMax, s.part_size_bytes);
}

// The one list of settings. The order is that of --help.
constexpr std::array kSettings = {
    Setting{"listen", "ADDR:PORT", Kind::text,
            "where the REST API listens (127.0.0.1:8420; port 0: any)",
            [](Settings& s, std::string_view t) {
                return read_listen(t, s.listen_address, s.listen_port);
            },
            "", ""},
    Setting{"state-dir", "DIR", Kind::text,
            "the daemon's own directory (/var/lib/s3zipd; nothing is stored yet)",
            [](Settings& s, std::string_view t) { return read_absolute_path(t, s.state_dir); }, "",
            ""},
    Setting{"io", "uring|epoll|auto", Kind::text,
            "how sockets are driven (auto: io_uring if the kernel lets us)", set_io, "", ""},
    Setting{"reactors", "N", Kind::number, "threads that move data (0: one per core)",
            [](Settings& s, std::string_view t) { return read_number(t, 0, 256, s.reactors); }, "",
            ""},
    Setting{"memory", "SIZE", Kind::size, "part memory of all reactors together (256MiB)",
            [](Settings& s, std::string_view t) {
                return read_size(t, 16 * kMiB, 1024 * kGiB, s.memory_bytes);
            },
            "", ""},
    Setting{"part-size", "SIZE", Kind::size,
            "target size of a part, 5MiB to 5GiB (0: chosen for each archive)", set_part_size, "",
            ""},
    Setting{
        "connections", "N", Kind::number, "connections to S3, per reactor (128)",
        [](Settings& s, std::string_view t) { return read_number(t, 1, 4'096, s.connections_max); },
        "", ""},
    Setting{"log-level", "LEVEL", Kind::text, "debug, info, warn or error (info)", set_log_level,
            "", ""},
    Setting{"log-format", "FORMAT", Kind::text, "text or json (text)", set_log_format, "", ""},
    Setting{"region", "NAME", Kind::text, "S3 region (us-east-1)",
            [](Settings& s, std::string_view t) { return read_region(t, s.region); }, "AWS_REGION",
            "AWS_DEFAULT_REGION"},
    Setting{"endpoint-url", "URL", Kind::text,
            "S3 endpoint, http(s)://host[:port] (AWS of the region)",
            [](Settings& s, std::string_view t) { return read_endpoint(t, s.endpoint_url); },
            "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"},
    Setting{"addressing", "HOW", Kind::text,
            "auto, path (host/bucket) or virtual (bucket.host) (auto)", set_addressing, "", ""},
    Setting{"ca-bundle", "FILE", Kind::text, "PEM file of trusted CAs (the system's)",
            [](Settings& s, std::string_view t) { return read_existing_file(t, s.ca_bundle); },
            "AWS_CA_BUNDLE", ""},
    Setting{"jobs-running-max", "N", Kind::number, "jobs at work at once (8)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 1'000, s.jobs_running_max);
            },
            "", ""},
    Setting{"jobs-queued-max", "N", Kind::number, "jobs waiting; more are told 429 (10000)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 1'000'000, s.jobs_queued_max);
            },
            "", ""},
    Setting{"jobs-kept-max", "N", Kind::number, "ended jobs remembered (10000)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 1'000'000, s.jobs_kept_max);
            },
            "", ""},
};

std::string key_of(std::string_view name) {
    std::string key(name);
    for (char& c : key) c = c == '-' ? '_' : c;
    return key;
}

std::string variable_of(std::string_view name) {
    std::string variable = "S3ZIPD_" + key_of(name);
    for (char& c : variable) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return variable;
}

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
        for (const Setting& s : kSettings) {
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

base::Status apply_aws_variables(Settings& settings, const Environment& environment) {
    for (const Setting& setting : kSettings) {
        for (const std::string_view name : {setting.aws, setting.aws_weaker}) {
            if (name.empty()) continue;
            const std::string* value = find_variable(environment, name);
            if (value == nullptr) continue;
            if (auto done = set(settings, setting, *value, name); !done) return done;
            break;
        }
    }
    const auto take = [&](std::string_view name, std::string& out) {
        if (const auto* value = find_variable(environment, name)) out = *value;
    };
    take("AWS_ACCESS_KEY_ID", settings.access_key_id);
    take("AWS_SECRET_ACCESS_KEY", settings.secret_access_key);
    take("AWS_SESSION_TOKEN", settings.session_token);
    if (settings.access_key_id.empty() != settings.secret_access_key.empty()) {
        return base::fail(
            ErrorKind::invalid, "bad_setting",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: one is set without the other");
    }
    return {};
}

base::Status apply_file(Settings& settings) {
    const auto entries = read_toml_file(settings.config_file);
    if (!entries) return base::fail(entries.error());
    for (const TomlEntry& entry : *entries) {
        const Setting* setting = nullptr;
        for (const Setting& s : kSettings) {
            if (key_of(s.name) == entry.key) setting = &s;
        }
        if (setting == nullptr) {
            return base::fail(ErrorKind::invalid, "bad_setting",
                              fmt::format("{}: {}: no such setting", entry.place, entry.key));
        }
        const bool is_text = entry.type == TomlType::text;
        if ((setting->kind == Kind::text && !is_text) ||
            (setting->kind == Kind::number && is_text)) {
            return base::fail(ErrorKind::invalid, "bad_setting",
                              fmt::format("{}: {}: must be {}", entry.place, entry.key,
                                          is_text ? "an integer" : "a string"));
        }
        const std::string place = fmt::format("{}: {}", entry.place, entry.key);
        if (auto done = set(settings, *setting, entry.value, place); !done) return done;
    }
    return {};
}

base::Status apply_own_variables(Settings& settings, const Environment& environment) {
    for (const Setting& setting : kSettings) {
        const std::string name = variable_of(setting.name);
        const std::string* value = find_variable(environment, name);
        if (value == nullptr) continue;
        if (auto done = set(settings, setting, *value, name); !done) return done;
    }
    for (auto it = environment.lower_bound("S3ZIPD_"); it != environment.end(); ++it) {
        if (!it->first.starts_with("S3ZIPD_")) break;
        bool known = it->first == "S3ZIPD_CONFIG";
        for (const Setting& setting : kSettings)
            known = known || variable_of(setting.name) == it->first;
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
    if (auto done = apply_aws_variables(settings, environment); !done)
        return base::fail(done.error());
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
        "Builds ZIP archives out of S3 objects and leaves them in S3. Credentials: AWS_* "
        "variables.\n\n";
    const auto line = [&](std::string_view flag, std::string_view help) {
        text += fmt::format("  {:<28} {}\n", flag, help);
    };
    line("--config FILE", fmt::format("settings file ({}, if it exists)", kDefaultConfigFile));
    for (const Setting& s : kSettings) line(fmt::format("--{} {}", s.name, s.value_name), s.help);
    line("--help", "this text");
    line("--version", "the version");
    return text +
           "\nEach flag is also a key of the file (part_size) and a variable (S3ZIPD_PART_SIZE).\n"
           "A flag wins over a variable, that over the file, the file over AWS_* variables.\n";
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
