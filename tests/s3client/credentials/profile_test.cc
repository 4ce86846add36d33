// The AWS profile files: their text, and what a profile says of credentials.
#include "s3client/credentials/profile.h"

#include <gtest/gtest.h>

namespace s3client {
namespace {

ProfileMap config(std::string_view text) {
    auto parsed = parse_profiles(text, ProfileFileKind::config, "config");
    EXPECT_TRUE(parsed) << parsed.error().to_string();
    return parsed.value_or(ProfileMap{});
}
ProfileMap shared(std::string_view text) {
    auto parsed = parse_profiles(text, ProfileFileKind::credentials, "credentials");
    EXPECT_TRUE(parsed) << parsed.error().to_string();
    return parsed.value_or(ProfileMap{});
}
std::string parse_error(std::string_view text) {
    const auto parsed = parse_profiles(text, ProfileFileKind::config, "/home/u/.aws/config");
    return parsed ? "" : parsed.error().detail;
}
std::string plan_error(const Profiles& profiles, std::string_view name) {
    const auto plan = profiles.plan(name);
    if (plan) return "";
    EXPECT_EQ(plan.error().code, "bad_profile");
    return plan.error().detail;
}

TEST(ProfileFile, ReadsSectionsSettingsAndComments) {
    const ProfileMap map = config(
        "\xef\xbb\xbf# first\r\n"
        "[default]\r\n"
        "region = eu-west-1 # here\r\n"
        "  \r\n"
        "[profile  dev ] ; mine\n"
        "REGION=us-east-1\n"
        "aws_secret_access_key = a#b;c=d\n"
        "s3 =\n"
        "  max_concurrent_requests = 20\n"
        "  region = nested\n"
        "output = json\n"
        "[profile \"two words\"]\n"
        "region = x\n"
        "[sso-session s]\n"
        "region = other\n"
        "[dev]\n"
        "region = not-a-profile-here\n"
        "[profilex]\n"
        "region = neither");
    EXPECT_EQ(map.at("default").at("region"), "eu-west-1");
    EXPECT_EQ(map.at("dev"), (Settings{{"region", "us-east-1"},
                                       {"aws_secret_access_key", "a#b;c=d"},
                                       {"s3", ""},
                                       {"output", "json"}}));
    EXPECT_EQ(map.at("two words").at("region"), "x");
    EXPECT_EQ(map.size(), 3U);
}

TEST(ProfileFile, MergesRepeatedSectionsAndContinuesValues) {
    const ProfileMap map = shared("[a]\nx = 1\ny = 1\n[b]\nx = 9\n[a]\nx = 2\nz = one\n\n  two\n");
    EXPECT_EQ(map.at("a"), (Settings{{"x", "2"}, {"y", "1"}, {"z", "one\ntwo"}}));
    EXPECT_TRUE(shared("[profile a]\nx = 1\n").contains("profile a"));
}

TEST(ProfileFile, ProfileDefaultBeatsDefaultWhereverItStands) {
    for (const char* text : {"[default]\nregion=a\noutput=t\n[profile default]\nregion=b\n",
                             "[profile default]\nregion=b\n[default]\nregion=a\noutput=t\n"}) {
        EXPECT_EQ(config(text).at("default"), (Settings{{"region", "b"}}));
    }
    EXPECT_TRUE(config("[default]\n").contains("default"));
}

TEST(ProfileFile, ErrorsNameFileAndLineAndNoValue) {
    EXPECT_EQ(parse_error("\n[default\n"),
              "/home/u/.aws/config, line 2: a section without its closing ']'");
    EXPECT_EQ(parse_error("[default]\nregion = x\nhunter2\n"),
              "/home/u/.aws/config, line 3: neither a section nor name = value");
    for (const char* text : {"hunter2 = 1\n", "[]\n", "[a] hunter2\n", "[default]\n = hunter2\n",
                             "[default]\n  hunter2\n", "  hunter2\n"}) {
        EXPECT_NE(parse_error(text), "") << text;
        EXPECT_FALSE(parse_error(text).contains("hunter2")) << text;
    }
    EXPECT_NE(parse_error(std::string_view("[a]\nb = \0c\n", 11)), "");
    EXPECT_NE(parse_error(std::string(kProfileFileMax_bytes + 1, '#')), "");
}

TEST(ProfileLocation, FollowsTheVariables) {
    const auto none = profile_location(fixed_environment({}));
    EXPECT_EQ(none.config_file, "");
    EXPECT_EQ(none.profile, "default");
    EXPECT_FALSE(none.profile_is_named);
    const auto home = profile_location(fixed_environment({{"HOME", "/home/u"}}));
    EXPECT_EQ(home.config_file, "/home/u/.aws/config");
    EXPECT_EQ(home.credentials_file, "/home/u/.aws/credentials");
    const auto all = profile_location(fixed_environment({{"HOME", "/home/u"},
                                                         {"AWS_CONFIG_FILE", "~/c"},
                                                         {"AWS_SHARED_CREDENTIALS_FILE", "/s"},
                                                         {"AWS_DEFAULT_PROFILE", "old"},
                                                         {"AWS_PROFILE", "dev"}}));
    EXPECT_EQ(all.config_file, "/home/u/c");
    EXPECT_EQ(all.credentials_file, "/s");
    EXPECT_EQ(all.profile, "dev");
    EXPECT_TRUE(all.profile_is_named);
}

TEST(Profiles, KeysOfTheCredentialsFileThenProcessThenConfig) {
    const std::string keys = "aws_access_key_id = AK\naws_secret_access_key = SK\n";
    const std::string process = "credential_process = /bin/give\n";
    const auto plan_of = [](const Profiles& profiles) { return profiles.plan("a").value(); };

    const auto both = plan_of(
        {config("[profile a]\n" + process), shared("[a]\n" + keys + "aws_session_token = ST\n")});
    const auto& given = std::get<Credentials>(both.base);
    EXPECT_EQ(given.access_key_id, "AK");
    EXPECT_EQ(given.secret_access_key, "SK");
    EXPECT_EQ(given.session_token, "ST");

    const auto command = plan_of({config("[profile a]\n" + process + keys), {}});
    EXPECT_EQ(std::get<CredentialProcess>(command.base).command, "/bin/give");
    EXPECT_TRUE(
        std::holds_alternative<Credentials>(plan_of({config("[profile a]\n" + keys), {}}).base));
    EXPECT_TRUE(Profiles().plan("a")->gives_nothing());
    const auto sso = plan_of({config("[profile a]\nsso_session = s\n"), {}});
    EXPECT_TRUE(sso.gives_nothing() && sso.wants_sso);
}

TEST(Profiles, SettingsMergeAndTheCredentialsFileWins) {
    const Profiles profiles(
        config("[profile a]\nregion = eu-west-1\nendpoint_url = http://c\nca_bundle = /ca\n"),
        shared("[a]\nendpoint_url = http://s\n"));
    EXPECT_EQ(profiles.setting("a", "region"), "eu-west-1");
    EXPECT_EQ(profiles.setting("a", "endpoint_url"), "http://s");
    EXPECT_EQ(profiles.setting("a", "ca_bundle"), "/ca");
    EXPECT_EQ(profiles.setting("a", "sts_regional_endpoints"), "");
    EXPECT_EQ(profiles.setting("b", "region"), "");
}

TEST(Profiles, ChainsOfRolesEndInKeys) {
    const Profiles profiles(
        config("[profile a]\nrole_arn = arn:a\nsource_profile = b\nexternal_id = ext\n"
               "role_session_name = me\nduration_seconds = 1800\n"
               "aws_access_key_id = unused\naws_secret_access_key = unused\n"
               "[profile b]\nrole_arn = arn:b\nsource_profile = c\n"
               // A source's own keys go before its role, as in the SDKs.
               "[profile c]\nrole_arn = arn:c\nsource_profile = a\n"),
        shared("[c]\naws_access_key_id = AK\naws_secret_access_key = SK\n"));
    const auto plan = profiles.plan("a");
    ASSERT_TRUE(plan) << plan.error().to_string();
    EXPECT_EQ(std::get<Credentials>(plan->base).access_key_id, "AK");
    EXPECT_EQ(plan->base_profile, "c");
    ASSERT_EQ(plan->roles.size(), 2U);
    EXPECT_EQ(plan->roles[0].role_arn, "arn:b");
    EXPECT_EQ(plan->roles[0].duration_s, std::nullopt);
    EXPECT_EQ(plan->roles[1].role_arn, "arn:a");
    EXPECT_EQ(plan->roles[1].external_id, "ext");
    EXPECT_EQ(plan->roles[1].role_session_name, "me");
    EXPECT_EQ(plan->roles[1].duration_s, 1800U);
}

TEST(Profiles, ARoleOfItsOwnKeysAndOfNamedSources) {
    const Profiles self({}, shared("[a]\nrole_arn = r\nsource_profile = a\n"
                                   "aws_access_key_id = AK\naws_secret_access_key = SK\n"));
    EXPECT_TRUE(std::holds_alternative<Credentials>(self.plan("a")->base));
    EXPECT_EQ(self.plan("a")->roles.size(), 1U);
    const std::pair<const char*, NamedSource> sources[] = {
        {"Environment", NamedSource::environment},
        {"EcsContainer", NamedSource::ecs_container},
        {"Ec2InstanceMetadata", NamedSource::ec2_instance_metadata}};
    for (const auto& [word, expected] : sources) {
        const Profiles named(
            {}, shared("[a]\nrole_arn = r\ncredential_source = " + std::string(word) + "\n"));
        EXPECT_EQ(std::get<NamedSource>(named.plan("a")->base), expected);
    }
}

TEST(Profiles, WebIdentityGoesBeforeKeys) {
    const Profiles profiles(
        config("[profile a]\nrole_arn = r\nweb_identity_token_file = /t\nrole_session_name = n\n"
               "aws_access_key_id = AK\naws_secret_access_key = SK\n"
               "[profile b]\nweb_identity_token_file = /t\n"),
        {});
    const auto plan = profiles.plan("a");
    ASSERT_TRUE(plan);
    const auto& web = std::get<WebIdentity>(plan->base);
    EXPECT_EQ(web.token_file, "/t");
    EXPECT_EQ(web.role_arn, "r");
    EXPECT_EQ(web.role_session_name, "n");
    EXPECT_TRUE(plan->roles.empty());
    EXPECT_EQ(plan_error(profiles, "b"), "profile b: web_identity_token_file without role_arn");
}

TEST(Profiles, RefusesWhatCannotWork) {
    const auto error = [](std::string_view text) {
        return plan_error(Profiles(config(text), {}), "a");
    };
    EXPECT_EQ(error("[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=s\n"
                    "source_profile=a\n"),
              "profile b: source_profile a closes a loop");
    EXPECT_EQ(error("[profile a]\nrole_arn=r\nsource_profile=a\n"),
              "profile a: source_profile a closes a loop");
    EXPECT_EQ(error("[profile a]\nrole_arn=r\nsource_profile=b\n"),
              "profile a: source_profile b does not exist");
    EXPECT_EQ(error("[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nregion=x\n"),
              "profile a: source_profile b gives no credentials");
    EXPECT_TRUE(error("[profile a]\nrole_arn=r\n").contains("needs source_profile"));
    EXPECT_TRUE(error("[profile a]\nrole_arn=r\nsource_profile=a\ncredential_source=Environment\n")
                    .contains("needs source_profile"));
    EXPECT_TRUE(error("[profile a]\nrole_arn=r\ncredential_source=Moon\n").contains("is none of"));
    EXPECT_TRUE(
        error("[profile a]\nrole_arn=r\nsource_profile=a\nmfa_serial=m\n").contains("mfa_serial"));
    for (const char* number : {"899", "43201", "1h", "-900", "99999999999"}) {
        EXPECT_TRUE(error("[profile a]\nrole_arn=r\nsource_profile=a\nduration_seconds=" +
                          std::string(number))
                        .contains("duration_seconds"))
            << number;
    }
    const std::string half = error("[profile a]\naws_secret_access_key=hunter2\n");
    EXPECT_EQ(half, "profile a: the secret access key has no access key id");
    EXPECT_FALSE(error("[profile a]\naws_access_key_id=AK\naws_secret_access_key=hunter2\n  x\n")
                     .contains("hunter2"));
}

TEST(Profiles, AChainOfRolesHasALimit) {
    std::string text = "[p0]\naws_access_key_id=AK\naws_secret_access_key=SK\n";
    for (std::size_t i = 1; i <= kRoleChainMax + 1; ++i) {
        text += "[p" + std::to_string(i) + "]\nrole_arn=r\nsource_profile=p" +
                std::to_string(i - 1) + "\n";
    }
    const Profiles profiles({}, shared(text));
    const auto last = "p" + std::to_string(kRoleChainMax - 1);
    EXPECT_EQ(profiles.plan(last)->roles.size(), kRoleChainMax - 1);
    EXPECT_TRUE(
        plan_error(profiles, "p" + std::to_string(kRoleChainMax + 1)).contains("roles in a row"));
}

}  // namespace
}  // namespace s3client
