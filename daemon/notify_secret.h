// The secret that webhooks are signed with. Read once, at the start: both functions touch files,
// and nothing of the secret is in an error.
#pragma once

#include <string>

#include "base/error.h"

namespace s3zipd {

inline constexpr std::size_t kNotifySecretMin_bytes = 16;

// The first line of `file`, without its end. Without a file: that of notify.secret in `state_dir`,
// which is made if it is not there, of 32 random bytes in hex, for its owner alone (0600).
//
// Errors: invalid "notify_secret" if there is no such file, others may read or change it, or its
// line is too short; exhausted "notify_secret" if it cannot be made.
base::Result<std::string> notify_secret(const std::string& file, const std::string& state_dir);

}  // namespace s3zipd
