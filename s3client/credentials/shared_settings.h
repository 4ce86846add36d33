// What a client is told besides its keys: by whoever configured it, else by the variables of the
// SDKs, else by the profile:
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
//
// Pure: the profiles are read before, at the start, once. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "s3client/credentials/profile.h"
#include "s3client/endpoint.h"
#include "s3client/environment.h"

namespace s3client {

// Checksums that S3 does not require: used where the store takes them, or never.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html
enum class ChecksumUse : std::uint8_t { when_supported, when_required };

// Empty: not said.
struct ConfiguredSettings {
    std::string region, endpoint_url, ca_bundle;
    std::optional<bool> dual_stack;
    std::optional<ChecksumUse> checksums{};  // of requests and of answers
};

struct SharedSettings {
    std::string region;  // to sign for: AWS_REGION, AWS_DEFAULT_REGION, `region`, else us-east-1
    bool region_is_known = false;  // else it is that default
    Endpoint endpoint;             // AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, `endpoint_url`, the
                                   // region's; AWS_USE_DUALSTACK_ENDPOINT, `use_dualstack_endpoint`
    std::string ca_bundle;         // AWS_CA_BUNDLE, `ca_bundle`; empty: the system's
    std::string sts_regional_endpoints;
    // AWS_REQUEST_CHECKSUM_CALCULATION, `request_checksum_calculation`: writes carry checksums.
    bool send_checksums = true;
    // AWS_RESPONSE_CHECKSUM_VALIDATION, `response_checksum_validation`: reads ask for them.
    bool ask_checksums = true;
};

// Endpoints of variables and profile are passed over if AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, else
// `ignore_configured_endpoint_urls`, is true. Errors: invalid "bad_region", "bad_endpoint" (also
// for an endpoint beside dual-stack, which only AWS's usual ones have), "bad_setting" for what is
// neither true nor false, or neither when_supported nor when_required.
base::Result<SharedSettings> shared_settings(const ConfiguredSettings& configured,
                                             const Environment& environment,
                                             const Profiles& profiles, const std::string& profile);

// The same environment, but its AWS_PROFILE is `profile`.
Environment with_profile(Environment environment, std::string profile);

}  // namespace s3client
