// The variables that s3zip reads, besides those of the AWS SDKs. They begin like the daemon's, who
// may find them in its environment: it warns of one that is neither a setting of its own nor here.
#pragma once

#include <array>
#include <string_view>

namespace config {

inline constexpr const char* kUrlVariable = "S3ZIPD_URL";
inline constexpr const char* kTokenVariable = "S3ZIPD_TOKEN";
inline constexpr const char* kTokenFileVariable = "S3ZIPD_TOKEN_FILE";
inline constexpr const char* kTokenOverHttpVariable = "S3ZIPD_TOKEN_OVER_HTTP";
inline constexpr const char* kCaFileVariable = "S3ZIPD_CA_FILE";
inline constexpr const char* kClientCertVariable = "S3ZIPD_CLIENT_CERT";
inline constexpr const char* kClientKeyVariable = "S3ZIPD_CLIENT_KEY";

inline constexpr std::array<std::string_view, 7> kCommandVariables = {
    kUrlVariable,    kTokenVariable,      kTokenFileVariable, kTokenOverHttpVariable,
    kCaFileVariable, kClientCertVariable, kClientKeyVariable,
};

}  // namespace config
