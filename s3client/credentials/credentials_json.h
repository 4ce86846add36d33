// Credentials as JSON: what a credential_process prints, what containers and instance metadata
// answer. Pure. The texts hold secrets: errors name the field concerned and quote only a service's
// own error code and message, clipped.
//
// Errors: corrupt "bad_credentials_document" for what is no JSON object or lacks a field or has one
// of the wrong type; denied "credentials_refused" for a document that is itself an error.
#pragma once

#include <string_view>

#include "base/error.h"
#include "s3client/credentials/credentials.h"

namespace s3client {

inline constexpr std::size_t kCredentialsDocumentMax_bytes = 64 << 10;

// {"Version": 1, "AccessKeyId", "SecretAccessKey"[, "SessionToken"][, "Expiration"]}
base::Result<Credentials> parse_process_credentials(std::string_view text);
// {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}, or {"code", "message"}.
base::Result<Credentials> parse_container_credentials(std::string_view text);
// The same with "Code": "Success"; any other Code is an error.
base::Result<Credentials> parse_instance_credentials(std::string_view text);

}  // namespace s3client
