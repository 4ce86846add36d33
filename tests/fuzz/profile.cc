// Profile files, and what profiles say of credentials: what was read can be written and read again,
// comments and line ends change nothing, and no error holds a secret.
//
// Input: from the back, which of the two files it is; the rest is its text.
#include "s3client/credentials/profile.h"

#include <string>

#include "base/check.h"
#include "fuzz_input.h"

namespace {

using s3client::ProfileFileKind;
using s3client::ProfileMap;
using s3client::Profiles;

constexpr std::string_view kSecret = "hunter2";

base::Result<ProfileMap> parse(std::string_view text, ProfileFileKind kind) {
    return s3client::parse_profiles(text, kind, "file");
}

// The same file, with a comment before and a carriage return behind each line.
std::string adorned(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        out.append("; \xff # [\n").append(text.substr(0, end));
        if (end == std::string_view::npos) break;
        out += "\r\n";
        text.remove_prefix(end + 1);
    }
    return out;
}

std::string written(const ProfileMap& map) {
    std::string out;
    for (const auto& [profile, settings] : map) {
        out.append("[\"").append(profile).append("\"]\n");
        for (const auto& [name, value] : settings) {
            out.append(name).append("=");
            for (const char c : value) {
                out += c;
                if (c == '\n') out += ' ';  // it goes on
            }
            out += '\n';
        }
    }
    return out;
}

void check_map(const ProfileMap& map, std::size_t size_max) {
    std::size_t size = 0;
    for (const auto& [profile, settings] : map) {
        for (const auto& [name, value] : settings) {
            CHECK(!name.empty() && !name.contains('='));
            for (const char c : name) CHECK(c < 'A' || c > 'Z');
            CHECK(!value.contains('\0') && !value.starts_with(' ') && !value.ends_with(' '));
            size += name.size() + value.size();
        }
    }
    CHECK(size <= size_max);
}

// With every secret set to one that can be looked for.
void check_plans(ProfileMap map) {
    for (auto& [profile, settings] : map) {
        for (auto& [name, value] : settings) {
            const bool secret = name == "aws_secret_access_key" || name == "aws_session_token";
            if (secret && !value.empty()) value = std::string(kSecret) + value;
        }
    }
    const Profiles profiles(map, {});
    for (const auto& [profile, settings] : map) {
        const auto plan = profiles.plan(profile);
        if (!plan) {
            CHECK(plan.error().code == "bad_profile");
            CHECK(!plan.error().to_string().contains(kSecret));
            continue;
        }
        CHECK(plan->roles.size() <= s3client::kRoleChainMax);
        for (const auto& role : plan->roles) CHECK(!role.role_arn.empty());
        if (const auto* keys = std::get_if<s3client::Credentials>(&plan->base))
            CHECK(s3client::check_credentials(*keys));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const auto kind = input.flag() ? ProfileFileKind::config : ProfileFileKind::credentials;
    const std::string_view text = input.rest();
    const auto map = parse(text, kind);
    if (!map) {
        CHECK(map.error().code == "bad_profile_file");
        CHECK(map.error().detail.starts_with("file"));
        CHECK(map.error().detail.size() < 80);  // so it quotes nothing
    }
    if (!text.starts_with("\xef\xbb\xbf")) {
        const auto other = parse(adorned(text), kind);
        CHECK(other.has_value() == map.has_value());
        if (map) CHECK(*other == *map);
    }
    if (!map) return 0;
    check_map(*map, text.size());
    const auto again = parse(written(*map), ProfileFileKind::credentials);
    CHECK(again && *again == *map);
    if (!text.contains(kSecret)) check_plans(*map);
    return 0;
}
