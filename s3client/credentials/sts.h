// AWS STS, the two calls that turn one identity into the keys of a role:
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
//
// Pure: requests of the query API as plain data, and the XML they are answered with. AssumeRole is
// then signed for the service "sts" and the region of the StsEndpoint; the other call is not signed
// at all, its token is the proof. Bodies and answers hold secrets: errors quote only STS's own code
// and message, clipped.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "s3client/credentials/credentials.h"
#include "s3client/credentials/profile.h"
#include "s3client/endpoint.h"
#include "s3client/environment.h"
#include "s3client/request.h"

namespace s3client {

struct StsEndpoint {
    Endpoint endpoint;
    std::string region;  // to sign for
};
// The first of: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL (both passed over if
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is "true"), the region's own. The global one instead
// (sts.amazonaws.com, signed for us-east-1) if no region is known, or if "legacy" is said by
// AWS_STS_REGIONAL_ENDPOINTS, else by `regional_setting`. Errors: invalid "bad_region",
// "bad_endpoint".
base::Result<StsEndpoint> sts_endpoint(const Environment& environment, std::string_view region,
                                       std::string_view regional_setting);

struct StsCall {
    HttpRequest request;
    std::string body;  // application/x-www-form-urlencoded
};
// An empty session name of the role or identity is replaced by `session_name`.
StsCall assume_role_call(const Endpoint& endpoint, const RoleToAssume& role,
                         std::string_view session_name);
StsCall web_identity_call(const Endpoint& endpoint, const WebIdentity& identity,
                          std::string_view token, std::string_view session_name);

// Of either call. Errors: as STS says it, with its code and HTTP status (denied, throttled,
// transient or invalid); corrupt "bad_sts_answer".
base::Result<Credentials> parse_sts_answer(std::string body, int http_status);

}  // namespace s3client
