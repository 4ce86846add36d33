// The AWS profile files, ~/.aws/config and ~/.aws/credentials, and what a profile of theirs says:
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
//
// Pure: the text of the files comes in, a CredentialPlan goes out; whoever fetches reads the files
// and carries out the plan. Plain values, copied freely; they hold secrets, so they are never
// logged, and errors name file, line, profile and setting but never a value that could be one.
//
// As in the SDKs: setting names are case-insensitive, profile names are not; a section given twice
// is merged, the later setting wins; [profile default] beats [default]; a setting of the
// credentials file beats that of the config file; indented lines continue a value, or are nested
// settings (ignored) if the value is empty; " #" and " ;" begin a comment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "s3client/credentials/credentials.h"
#include "s3client/environment.h"

namespace s3client {

inline constexpr std::size_t kProfileFileMax_bytes = 1 << 20;
inline constexpr std::size_t kRoleChainMax = 16;

// Where the files are and which profile is meant: AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE
// (a leading ~/ is $HOME's), AWS_PROFILE, else AWS_DEFAULT_PROFILE, else "default".
struct ProfileLocation {
    std::string config_file;       // "": nobody knows, as there is no HOME
    std::string credentials_file;  // likewise
    bool config_file_is_named = false, credentials_file_is_named = false;  // by a variable
    std::string profile = "default";
    bool profile_is_named = false;  // by a variable: it must exist then
};
ProfileLocation profile_location(const Environment& environment);

using Settings = std::map<std::string, std::string, std::less<>>;
using ProfileMap = std::map<std::string, Settings, std::less<>>;
enum class ProfileFileKind : std::uint8_t { config, credentials };

// Errors: invalid "bad_profile_file", which names `file_name` and the line.
base::Result<ProfileMap> parse_profiles(std::string_view text, ProfileFileKind kind,
                                        std::string_view file_name);

struct WebIdentity {
    std::string token_file;
    std::string role_arn;
    std::string role_session_name;  // "": make one up
};
struct CredentialProcess {
    std::string command;
};
enum class NamedSource : std::uint8_t { environment, ecs_container, ec2_instance_metadata };

struct RoleToAssume {
    std::string role_arn;
    std::string external_id;
    std::string role_session_name;  // "": make one up
    std::optional<std::uint32_t> duration_s;
    std::string profile;  // that asked for it, for messages
};

// Get `base`, then assume the roles in this order, each with what the one before gave.
struct CredentialPlan {
    std::variant<std::monostate, Credentials, WebIdentity, CredentialProcess, NamedSource> base;
    std::vector<RoleToAssume> roles;
    std::string base_profile;  // the end of the chain
    bool wants_sso = false;    // the profile has nothing but a sign-on, which we do not do
    bool gives_nothing() const { return base.index() == 0; }
};

class Profiles {
  public:
    Profiles() = default;
    Profiles(ProfileMap config, ProfileMap credentials);

    bool has(std::string_view profile) const;
    // "" if it is not there. For region, endpoint_url, sts_regional_endpoints, ca_bundle...
    std::string setting(std::string_view profile, std::string_view name) const;

    // Which way `profile` gives credentials; a profile that is not there or says nothing of them
    // gives_nothing(). Errors: invalid "bad_profile": half a pair of keys, a role without a
    // source or with two, a source that is missing or gives nothing, a loop, a number that is none,
    // mfa_serial (there is nobody to ask for a code).
    base::Result<CredentialPlan> plan(std::string_view profile) const;

  private:
    Settings merged(std::string_view profile) const;
    base::Result<CredentialPlan> direct_plan(std::string_view profile) const;

    ProfileMap config_, credentials_;
};

}  // namespace s3client
