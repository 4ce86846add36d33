#include "s3client/credentials/profile.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <utility>

namespace s3client {
namespace {

using base::ErrorKind;
using base::Result;

constexpr std::string_view kBlank = " \t\r\f\v";
constexpr std::uint32_t kDurationMin_s = 900, kDurationMax_s = 43'200;

std::string_view trim(std::string_view text) {
    const auto begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool is_blank(char c) { return kBlank.contains(c); }

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

// Up to a '#' or ';' that follows a blank.
std::string_view without_comment(std::string_view text) {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if ((text[i] == '#' || text[i] == ';') && is_blank(text[i - 1])) return text.substr(0, i);
    }
    return text;
}

class Parser {
  public:
    Parser(ProfileFileKind kind, std::string_view file_name) : kind_(kind), file_(file_name) {}

    Result<ProfileMap> parse(std::string_view text) {
        if (text.size() > kProfileFileMax_bytes) return fail("is too large");
        if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
        while (!text.empty()) {
            ++line_;
            const auto end = text.find('\n');
            if (auto ok = take_line(text.substr(0, end)); !ok) return std::unexpected(ok.error());
            if (end == std::string_view::npos) break;
            text.remove_prefix(end + 1);
        }
        // What [profile default] says, [default] does not say again.
        if (!default_.empty()) {
            if (!has_profile_default_) profiles_["default"] = std::move(default_);
        } else if (saw_default_ && !has_profile_default_) {
            profiles_["default"];
        }
        return std::move(profiles_);
    }

  private:
    std::unexpected<base::Error> fail(std::string_view what) const {
        const std::string at = line_ == 0 ? "" : fmt::format(", line {}", line_);
        return base::fail(ErrorKind::invalid, "bad_profile_file",
                          fmt::format("{}{}: {}", file_, at, what));
    }

    base::Status take_line(std::string_view line) {
        if (line.contains('\0')) return fail("holds a zero byte");
        const std::string_view trimmed = trim(line);
        if (trimmed.empty() || trimmed[0] == '#' || trimmed[0] == ';') return {};
        if (is_blank(line[0])) return take_continuation(trimmed);
        if (trimmed[0] == '[') return take_section(trimmed);
        return take_setting(trimmed);
    }

    base::Status take_section(std::string_view line) {
        const auto end = line.find(']');
        if (end == std::string_view::npos) return fail("a section without its closing ']'");
        const std::string_view rest = trim(line.substr(end + 1));
        if (!rest.empty() && rest[0] != '#' && rest[0] != ';') {
            return fail("something follows the section's ']'");
        }
        std::string_view name = trim(line.substr(1, end - 1));
        if (name.empty()) return fail("a section without a name");
        in_section_ = true;
        value_ = nullptr;
        section_ = section_of(name);
        return {};
    }

    // nullptr: a section of another kind, or a name without "profile" in the config file.
    Settings* section_of(std::string_view name) {
        if (kind_ == ProfileFileKind::credentials) return &profiles_[unquoted(name)];
        if (name == "default") {
            saw_default_ = true;
            return &default_;
        }
        constexpr std::string_view kPrefix = "profile";
        if (!name.starts_with(kPrefix) || name.size() == kPrefix.size()) return nullptr;
        if (!is_blank(name[kPrefix.size()])) return nullptr;
        const std::string profile = unquoted(trim(name.substr(kPrefix.size())));
        if (profile == "default") has_profile_default_ = true;
        return &profiles_[profile];
    }

    // [profile "two words"], as the CLI writes names with spaces.
    static std::string unquoted(std::string_view name) {
        if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') &&
            name.back() == name.front()) {
            name = name.substr(1, name.size() - 2);
        }
        return std::string(name);
    }

    base::Status take_setting(std::string_view line) {
        if (!in_section_) return fail("a setting before the first section");
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) return fail("neither a section nor name = value");
        const std::string_view name = trim(line.substr(0, equals));
        if (name.empty()) return fail("a value without a name");
        value_ = &ignored_;
        if (section_ != nullptr) value_ = &(*section_)[lower(name)];
        *value_ = trim(without_comment(line.substr(equals + 1)));
        nested_ = value_->empty();
        return {};
    }

    base::Status take_continuation(std::string_view line) {
        if (value_ == nullptr) return fail("an indented line that continues nothing");
        if (!nested_) value_->append("\n").append(trim(without_comment(line)));
        return {};
    }

    const ProfileFileKind kind_;
    const std::string_view file_;
    std::size_t line_ = 0;
    ProfileMap profiles_;
    Settings default_;  // of a [default] in the config file
    bool saw_default_ = false, has_profile_default_ = false;
    bool in_section_ = false;
    Settings* section_ = nullptr;
    std::string* value_ = nullptr;  // of the last setting
    bool nested_ = false;           // that setting has no value: what is indented is its own
    std::string ignored_;
};

std::unexpected<base::Error> bad_profile(std::string_view profile, std::string_view what) {
    return base::fail(ErrorKind::invalid, "bad_profile",
                      fmt::format("profile {}: {}", profile, what));
}

std::string get(const Settings& settings, std::string_view name) {
    const auto found = settings.find(name);
    return found == settings.end() ? "" : found->second;
}

bool has_keys(const Settings& settings) {
    return !get(settings, "aws_access_key_id").empty() ||
           !get(settings, "aws_secret_access_key").empty();
}

bool assumes_role(const Settings& settings) {
    return !get(settings, "role_arn").empty() && get(settings, "web_identity_token_file").empty();
}

// Keys of one file only: half a pair is not completed by the other file's.
Result<Credentials> keys_of(const Settings& settings, std::string_view profile) {
    Credentials keys;
    keys.access_key_id = get(settings, "aws_access_key_id");
    keys.secret_access_key = get(settings, "aws_secret_access_key");
    keys.session_token = get(settings, "aws_session_token");
    if (const base::Status ok = check_credentials(keys); !ok) {
        return bad_profile(profile, ok.error().detail);
    }
    return keys;
}

std::optional<NamedSource> named_source(std::string_view word) {
    if (word == "Environment") return NamedSource::environment;
    if (word == "EcsContainer") return NamedSource::ecs_container;
    if (word == "Ec2InstanceMetadata") return NamedSource::ec2_instance_metadata;
    return std::nullopt;
}

Result<RoleToAssume> role_of(const Settings& settings, std::string_view profile) {
    RoleToAssume role{.role_arn = get(settings, "role_arn"),
                      .external_id = get(settings, "external_id"),
                      .role_session_name = get(settings, "role_session_name"),
                      .duration_s = std::nullopt,
                      .profile = std::string(profile)};
    if (!get(settings, "mfa_serial").empty()) {
        return bad_profile(profile, "mfa_serial wants a code, and there is nobody to ask for it");
    }
    if (const std::string text = get(settings, "duration_seconds"); !text.empty()) {
        std::uint32_t value = 0;
        const char* const last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data(), last, value);
        if (error != std::errc{} || end != last || value < kDurationMin_s ||
            value > kDurationMax_s) {
            return bad_profile(profile, fmt::format("duration_seconds is no number from {} to {}",
                                                    kDurationMin_s, kDurationMax_s));
        }
        role.duration_s = value;
    }
    return role;
}

std::string expand_home(std::string path, const std::string& home) {
    if (path.starts_with("~/") && !home.empty()) return home + path.substr(1);
    return path;
}

}  // namespace

ProfileLocation profile_location(const Environment& environment) {
    const std::string home = environment("HOME").value_or("");
    const auto place = [&](std::string_view variable, std::string_view usual) {
        if (const auto given = environment(variable)) return expand_home(*given, home);
        return home.empty() ? std::string() : home + std::string(usual);
    };
    ProfileLocation location;
    location.config_file_is_named = environment("AWS_CONFIG_FILE").has_value();
    location.credentials_file_is_named = environment("AWS_SHARED_CREDENTIALS_FILE").has_value();
    location.config_file = place("AWS_CONFIG_FILE", "/.aws/config");
    location.credentials_file = place("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
    for (const std::string_view variable : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
        if (location.profile_is_named) break;
        if (const auto named = environment(variable)) {
            location.profile = *named;
            location.profile_is_named = true;
        }
    }
    return location;
}

Result<ProfileMap> parse_profiles(std::string_view text, ProfileFileKind kind,
                                  std::string_view file_name) {
    return Parser(kind, file_name).parse(text);
}

Profiles::Profiles(ProfileMap config, ProfileMap credentials)
    : config_(std::move(config)), credentials_(std::move(credentials)) {}

bool Profiles::has(std::string_view profile) const {
    return config_.contains(profile) || credentials_.contains(profile);
}

Settings Profiles::merged(std::string_view profile) const {
    Settings all;
    if (const auto found = credentials_.find(profile); found != credentials_.end()) {
        all = found->second;
    }
    if (const auto found = config_.find(profile); found != config_.end()) {
        all.insert(found->second.begin(), found->second.end());
    }
    return all;
}

std::string Profiles::setting(std::string_view profile, std::string_view name) const {
    return get(merged(profile), name);
}

// Without assuming roles, in the order of the SDKs: web identity, keys of the credentials file,
// process, keys of the config file.
Result<CredentialPlan> Profiles::direct_plan(std::string_view profile) const {
    const Settings all = merged(profile);
    CredentialPlan plan;
    plan.base_profile = profile;
    if (const std::string file = get(all, "web_identity_token_file"); !file.empty()) {
        const std::string role = get(all, "role_arn");
        if (role.empty()) return bad_profile(profile, "web_identity_token_file without role_arn");
        plan.base = WebIdentity{file, role, get(all, "role_session_name")};
        return plan;
    }
    const auto keys_in = [&](const ProfileMap& file) -> const Settings* {
        const auto found = file.find(profile);
        return found != file.end() && has_keys(found->second) ? &found->second : nullptr;
    };
    const Settings* const shared = keys_in(credentials_);
    const std::string command = get(all, "credential_process");
    if (shared == nullptr && !command.empty()) {
        plan.base = CredentialProcess{command};
        return plan;
    }
    if (const Settings* const from = shared != nullptr ? shared : keys_in(config_)) {
        auto keys = keys_of(*from, profile);
        if (!keys) return std::unexpected(keys.error());
        plan.base = std::move(*keys);
        return plan;
    }
    plan.wants_sso = all.contains("sso_session") || all.contains("sso_start_url");
    return plan;
}

Result<CredentialPlan> Profiles::plan(std::string_view profile) const {
    std::vector<std::string> visited{std::string(profile)};
    std::vector<RoleToAssume> roles;  // the outermost first
    CredentialPlan plan;
    for (;;) {
        const std::string current = visited.back();
        const Settings all = merged(current);
        const bool is_source = visited.size() > 1;
        if (!assumes_role(all) || (is_source && has_keys(all))) {
            auto direct = direct_plan(current);
            if (!direct) return direct;
            plan = std::move(*direct);
            break;
        }
        auto role = role_of(all, current);
        if (!role) return std::unexpected(role.error());
        roles.push_back(std::move(*role));
        const std::string source = get(all, "source_profile");
        const std::string named = get(all, "credential_source");
        if (source.empty() == named.empty()) {
            return bad_profile(current,
                               "role_arn needs source_profile or credential_source, one "
                               "of them");
        }
        if (!named.empty()) {
            const auto known = named_source(named);
            if (!known) {
                return bad_profile(current,
                                   "credential_source is none of Environment, "
                                   "EcsContainer and Ec2InstanceMetadata");
            }
            plan.base = *known;
            plan.base_profile = current;
            break;
        }
        if (!has(source)) {
            return bad_profile(current, fmt::format("source_profile {} does not exist", source));
        }
        if (source == current && has_keys(all)) {  // its own keys, for its own role
            auto direct = direct_plan(current);
            if (!direct) return direct;
            plan = std::move(*direct);
            break;
        }
        if (std::ranges::find(visited, source) != visited.end()) {
            return bad_profile(current, fmt::format("source_profile {} closes a loop", source));
        }
        if (visited.size() == kRoleChainMax) {
            return bad_profile(profile, fmt::format("more than {} roles in a row", kRoleChainMax));
        }
        visited.push_back(source);
    }
    if (!roles.empty() && plan.gives_nothing()) {
        return bad_profile(visited[visited.size() > 1 ? visited.size() - 2 : 0],
                           fmt::format("source_profile {} gives no credentials", visited.back()));
    }
    plan.roles.assign(std::make_move_iterator(roles.rbegin()),
                      std::make_move_iterator(roles.rend()));
    return plan;
}

}  // namespace s3client
