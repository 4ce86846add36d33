#include "config/loading.h"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <expected>
#include <limits>
#include <optional>

#include "config/byte_size.h"
#include "config/command_variables.h"
#include "config/near_name.h"
#include "config/settings_table.h"
#include "config/toml_file.h"

namespace config {
namespace {

// An empty variable counts as unset: that is how compose files and shells spell "none".
const std::string* find_variable(const Environment& environment, std::string_view name) {
    const auto found = environment.find(std::string(name));
    return found == environment.end() || found->second.empty() ? nullptr : &found->second;
}

std::string hint(std::string_view flag) {
    std::vector<std::string> flags = {"--config", "--check-config"};
    for (const Setting& s : all_settings()) flags.push_back(fmt::format("--{}", s.name));
    return did_you_mean(flag, flags);
}

struct Flags {
    Action action = Action::run;
    std::string config_file;
    std::vector<std::pair<const Setting*, std::string>> values;
};

std::expected<Flags, std::string> parse_flags(const std::vector<std::string>& arguments) {
    Flags flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--help" || argument == "-h") flags.action = Action::show_help;
        if (argument == "--version") flags.action = Action::show_version;
        if (flags.action == Action::show_help || flags.action == Action::show_version) return flags;
        if (argument == "--check-config") {
            flags.action = Action::check_config;
            continue;
        }
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const Setting* setting = nullptr;
        for (const Setting& s : all_settings()) {
            if (name.starts_with("--") && name.substr(2) == s.name) setting = &s;
        }
        if (setting == nullptr && name != "--config") {
            return std::unexpected(
                fmt::format("{}: no such flag{}; see s3zipd --help", name, hint(name)));
        }
        std::string value;
        if (equals != std::string_view::npos) {
            value = argument.substr(equals + 1);
        } else if (i + 1 < arguments.size()) {
            value = arguments[++i];
        } else {
            return std::unexpected(fmt::format("{} needs a value", name));
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
constexpr const char* kConfigVariable = "S3ZIPD_CONFIG";

bool is_of_command(std::string_view variable) {
    return std::ranges::find(kCommandVariables, variable) != kCommandVariables.end();
}

// What a value of the file must be; "" if it is.
std::string_view type_due(Kind kind, TomlType type) {
    switch (kind) {
        case Kind::text:
        case Kind::digest: return type == TomlType::text ? "" : "a string";
        case Kind::number: return type == TomlType::integer ? "" : "an integer";
        case Kind::size:
            return type == TomlType::text || type == TomlType::integer ? ""
                                                                       : "a string or an integer";
        case Kind::flag: break;
    }
    return type == TomlType::boolean ? "" : "true or false";
}

const Setting* find_by_key(std::string_view key) {
    for (const Setting& s : all_settings()) {
        if (key_of(s) == key) return &s;
    }
    return nullptr;
}

// One run over the layers; each overwrites what the one before it said.
class Loader {
  public:
    explicit Loader(Loading& out) : out_(out) {}

    void set(const Setting& setting, std::string_view value, const std::string& place) {
        const std::string wrong = setting.set(out_.settings, value);
        if (wrong.empty()) {
            const auto bytes = setting.kind == Kind::size ? parse_byte_size(value) : std::nullopt;
            std::string text = bytes ? format_byte_size(*bytes) : std::string(value);
            out_.settings.given.insert_or_assign(std::string(setting.name),
                                                 Settings::Given{std::move(text), place});
        } else if (setting.kind == Kind::digest) {
            problem("{}: {}", place, wrong);
        } else {
            problem("{}: '{}' {}", place, value, wrong);
        }
    }

    void apply_state_directory(const Environment& environment) {
        // systemd's, where the unit has StateDirectory=. There may be several, the first is ours.
        const auto* list = find_variable(environment, kStateDirectory);
        if (list == nullptr) return;
        set(*find_by_key("state_dir"), std::string_view(*list).substr(0, list->find(':')),
            kStateDirectory);
    }

    void apply_file() {
        const std::string& file = out_.settings.config_file;
        if (file.empty()) return;
        const auto document = read_toml_file(file);
        if (!document) return out_.problems.push_back(document.error().detail);
        // Of both kinds, in the order of lines.
        auto syntax = document->problems.begin();
        const auto tell_syntax_before = [&](unsigned line) {
            for (; syntax != document->problems.end() && syntax->place.line < line; ++syntax) {
                problem("{}:{}:{}: {}", file, syntax->place.line, syntax->place.column,
                        syntax->what);
            }
        };
        for (const TomlEntry& entry : document->entries) {
            tell_syntax_before(entry.place.line);
            apply(entry);
        }
        tell_syntax_before(std::numeric_limits<unsigned>::max());
    }

    void apply_variables(const Environment& environment) {
        for (const Setting& setting : all_settings()) {
            const std::string name = variable_of(setting);
            if (const auto* value = find_variable(environment, name)) set(setting, *value, name);
        }
        for (auto it = environment.lower_bound("S3ZIPD_"); it != environment.end(); ++it) {
            if (!it->first.starts_with("S3ZIPD_")) break;
            if (it->first == kConfigVariable || is_of_command(it->first)) continue;
            const auto& all = all_settings();
            if (std::ranges::find(all, it->first, variable_of) == all.end())
                out_.settings.warnings.push_back(fmt::format("{} is not a setting", it->first));
        }
    }

    void check_rules() {
        const Settings& s = out_.settings;
        const bool guarded =
            !s.tokens_file.empty() || s.admin_token_sha256.has_value() || !s.tls_client_ca.empty();
        const auto open = std::ranges::find_if_not(s.listen, is_local);
        if (!guarded && open != s.listen.end()) {
            problem(
                "{}: {} can be reached from other machines, and everybody there could use the API: "
                "set tokens_file, admin_token_sha256 or tls_client_ca, or listen on 127.0.0.1, "
                "[::1] or unix:/PATH only",
                place_of("listen"), to_string(*open));
        }
        if (!s.tls_certificate.empty() && s.tls_key.empty())
            problem("{}: needs tls_key, too", place_of("tls-certificate"));
        if (s.tls_certificate.empty() && !s.tls_key.empty())
            problem("{}: needs tls_certificate, too", place_of("tls-key"));
        if (s.tls_certificate.empty() && !s.tls_client_ca.empty())
            problem("{}: needs tls_certificate and tls_key, too", place_of("tls-client-ca"));
    }

  private:
    template <typename... Parts>
    void problem(fmt::format_string<Parts...> format, Parts&&... parts) {
        out_.problems.push_back(fmt::format(format, std::forward<Parts>(parts)...));
    }

    void apply(const TomlEntry& entry) {
        const std::string place =
            fmt::format("{}:{}: {}", out_.settings.config_file, entry.place.line, entry.key);
        const Setting* setting = find_by_key(entry.key);
        if (setting == nullptr) {
            std::vector<std::string> keys;
            for (const Setting& s : all_settings()) keys.push_back(key_of(s));
            return problem("{}: no such setting{}", place, did_you_mean(entry.key, keys));
        }
        const std::string_view due = type_due(setting->kind, entry.value.type);
        if (!due.empty()) return problem("{}: must be {}", place, due);
        set(*setting, entry.value.text, place);
    }

    std::string place_of(const std::string& name) const {
        const auto given = out_.settings.given.find(name);
        return given == out_.settings.given.end() ? name : given->second.place;
    }

    Loading& out_;
};

std::string file_to_read(const Flags& flags, const Environment& environment,
                         const std::string& default_file) {
    if (!flags.config_file.empty()) return flags.config_file;
    if (const auto* file = find_variable(environment, kConfigVariable)) return *file;
    return access(default_file.c_str(), F_OK) == 0 ? default_file : "";
}

}  // namespace

std::string text_of(const Settings& settings, const Setting& setting) {
    const auto given = settings.given.find(setting.name);
    return std::string(given == settings.given.end() ? setting.default_text : given->second.text);
}

Loading load_all(const std::vector<std::string>& arguments, const Environment& environment,
                 const std::string& default_file, bool checking) {
    Loading loading;
    const auto flags = parse_flags(arguments);
    if (!flags) {
        loading.problems.push_back(flags.error());
        return loading;
    }
    loading.settings.action = flags->action;
    if (flags->action != Action::run && !checking) return loading;
    loading.settings.config_file = file_to_read(*flags, environment, default_file);

    Loader loader(loading);
    loader.apply_state_directory(environment);
    loader.apply_file();
    loader.apply_variables(environment);
    for (const auto& [setting, value] : flags->values)
        loader.set(*setting, value, fmt::format("--{}", setting->name));
    loader.check_rules();
    return loading;
}

}  // namespace config
