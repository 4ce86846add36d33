// Region, endpoint, CAs and dual-stack: who is asked for them, and in which order.
#include "s3client/credentials/shared_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace s3client {
namespace {

using testing::HasSubstr;
using Variables = std::map<std::string, std::string, std::less<>>;

constexpr const char* kConfig = R"(
[default]
region = eu-west-3
endpoint_url = http://profile
ca_bundle = /profile.pem
sts_regional_endpoints = legacy
[profile dual]
use_dualstack_endpoint = true
[profile ignoring]
ignore_configured_endpoint_urls = true
endpoint_url = http://profile
[profile odd]
use_dualstack_endpoint = perhaps
[profile plain]
request_checksum_calculation = when_required
response_checksum_validation = when_supported
[profile unsure]
response_checksum_validation = never
)";

base::Result<SharedSettings> settle(const ConfiguredSettings& configured, Variables variables,
                                    const std::string& profile = "none") {
    const Profiles profiles(*parse_profiles(kConfig, ProfileFileKind::config, "config"), {});
    return shared_settings(configured, fixed_environment(std::move(variables)), profiles, profile);
}

TEST(SharedSettings, WithoutAnything) {
    const auto settings = settle({}, {});
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->region, "us-east-1");
    EXPECT_FALSE(settings->region_is_known);
    EXPECT_EQ(settings->endpoint.url(), "https://s3.us-east-1.amazonaws.com");
    EXPECT_EQ(settings->ca_bundle, "");
}

TEST(SharedSettings, TheRegionIsAskedForInOrder) {
    Variables set{{"AWS_REGION", "eu-north-1"}, {"AWS_DEFAULT_REGION", "eu-west-1"}};
    ConfiguredSettings configured;
    configured.region = "ap-south-1";
    EXPECT_EQ(settle(configured, set, "default")->region, "ap-south-1");
    EXPECT_EQ(settle({}, set, "default")->region, "eu-north-1");
    set.erase("AWS_REGION");
    EXPECT_EQ(settle({}, set, "default")->region, "eu-west-1");
    set.clear();
    const auto of_profile = settle({}, set, "default");
    EXPECT_EQ(of_profile->region, "eu-west-3");
    EXPECT_TRUE(of_profile->region_is_known);
    EXPECT_EQ(of_profile->sts_regional_endpoints, "legacy");
}

TEST(SharedSettings, TheEndpointIsAskedForInOrder) {
    Variables set{{"AWS_ENDPOINT_URL_S3", "http://s3"}, {"AWS_ENDPOINT_URL", "http://all"}};
    ConfiguredSettings configured;
    configured.endpoint_url = "http://flag";
    EXPECT_EQ(settle(configured, set, "default")->endpoint.url(), "http://flag");
    EXPECT_EQ(settle({}, set, "default")->endpoint.url(), "http://s3");
    set.erase("AWS_ENDPOINT_URL_S3");
    EXPECT_EQ(settle({}, set, "default")->endpoint.url(), "http://all");
    set.erase("AWS_ENDPOINT_URL");
    EXPECT_EQ(settle({}, set, "default")->endpoint.url(), "http://profile");
    set["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "TRUE";
    EXPECT_EQ(settle({}, set, "default")->endpoint.url(), "https://s3.eu-west-3.amazonaws.com");
    EXPECT_EQ(settle(configured, set, "default")->endpoint.url(), "http://flag");
    EXPECT_TRUE(settle({}, {}, "ignoring")->endpoint.aws);
}

TEST(SharedSettings, TheCasAreAskedForInOrder) {
    ConfiguredSettings configured;
    configured.ca_bundle = "/flag.pem";
    const Variables set{{"AWS_CA_BUNDLE", "/variable.pem"}};
    EXPECT_EQ(settle(configured, set, "default")->ca_bundle, "/flag.pem");
    EXPECT_EQ(settle({}, set, "default")->ca_bundle, "/variable.pem");
    EXPECT_EQ(settle({}, {}, "default")->ca_bundle, "/profile.pem");
}

TEST(SharedSettings, DualStackIsAskedForInOrder) {
    const char* const dual = "https://s3.dualstack.us-east-1.amazonaws.com";
    const char* const usual = "https://s3.us-east-1.amazonaws.com";
    const Variables off{{"AWS_USE_DUALSTACK_ENDPOINT", "False"}};
    ConfiguredSettings configured;
    configured.dual_stack = true;
    EXPECT_EQ(settle(configured, off)->endpoint.url(), dual);
    EXPECT_EQ(settle({}, {}, "dual")->endpoint.url(), dual);
    EXPECT_EQ(settle({}, off, "dual")->endpoint.url(), usual);
    configured.dual_stack = false;
    EXPECT_EQ(settle(configured, {{"AWS_USE_DUALSTACK_ENDPOINT", "true"}})->endpoint.url(), usual);
}

TEST(SharedSettings, ChecksumsAreAskedForInOrder) {
    // Whether they are sent, and whether they are asked for.
    const auto uses = [](const ConfiguredSettings& configured, const Variables& set,
                         const char* profile = "none") {
        const auto settings = settle(configured, set, profile);
        EXPECT_TRUE(settings);
        return settings ? std::pair(settings->send_checksums, settings->ask_checksums)
                        : std::pair(false, false);
    };
    ConfiguredSettings configured;
    EXPECT_EQ(uses({}, {}), std::pair(true, true));
    EXPECT_EQ(uses({}, {}, "plain"), std::pair(false, true));
    EXPECT_EQ(uses({}, {{"AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_REQUIRED"}}),
              std::pair(false, true));
    const Variables ask{{"AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"}};
    EXPECT_EQ(uses({}, ask), std::pair(true, false));
    EXPECT_EQ(uses({}, ask, "plain"), std::pair(false, false));
    EXPECT_EQ(uses({}, {{"AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported"}}, "plain"),
              std::pair(true, true));
    configured.checksums = ChecksumUse::when_supported;
    EXPECT_EQ(uses(configured, ask, "plain"), std::pair(true, true));
    configured.checksums = ChecksumUse::when_required;
    EXPECT_EQ(uses(configured, {}), std::pair(false, false));
    // What is configured is not looked up.
    EXPECT_EQ(uses(configured, {}, "unsure"), std::pair(false, false));
}

TEST(SharedSettings, ErrorsSayWhoSaidIt) {
    const auto error = [](const ConfiguredSettings& configured, Variables set,
                          const char* profile = "none") {
        const auto settings = settle(configured, std::move(set), profile);
        return settings ? "none" : settings.error().code + " " + settings.error().detail;
    };
    EXPECT_THAT(error({}, {{"AWS_REGION", "Nowhere!"}}), HasSubstr("bad_region AWS_REGION: "));
    EXPECT_THAT(error({}, {{"AWS_ENDPOINT_URL", "ftp://x"}}),
                HasSubstr("bad_endpoint AWS_ENDPOINT_URL: "));
    EXPECT_THAT(error({}, {}, "odd"),
                HasSubstr("bad_setting use_dualstack_endpoint of profile odd: 'perhaps'"));
    EXPECT_THAT(error({}, {{"AWS_REQUEST_CHECKSUM_CALCULATION", "no"}}),
                HasSubstr("bad_setting AWS_REQUEST_CHECKSUM_CALCULATION: 'no' must be "
                          "when_supported or when_required"));
    EXPECT_THAT(error({}, {}, "unsure"),
                HasSubstr("response_checksum_validation of profile unsure: 'never'"));
    EXPECT_THAT(error({}, {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1"}}),
                HasSubstr("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: '1' must be true or false"));
    ConfiguredSettings both;
    both.endpoint_url = "http://store";
    both.dual_stack = true;
    EXPECT_THAT(error(both, {}), HasSubstr("http://store, and dual-stack is asked for"));
}

TEST(WithProfile, SaysTheProfileAndNothingElse) {
    const Environment with =
        with_profile(fixed_environment({{"AWS_PROFILE", "a"}, {"HOME", "/home"}}), "b");
    EXPECT_EQ(with("AWS_PROFILE"), "b");
    EXPECT_EQ(with("HOME"), "/home");
    EXPECT_EQ(with("AWS_REGION"), std::nullopt);
}

}  // namespace
}  // namespace s3client
