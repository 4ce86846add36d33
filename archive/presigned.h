// A GET URL of one object that works without credentials, until it or its keys expire. Pure but for
// the clock. Errors: invalid "customer_key": such an object needs headers that a URL cannot carry.
#pragma once

#include <string>

#include "archive/engine.h"
#include "s3client/client_config.h"
#include "s3client/credentials/credentials.h"

namespace archive {

base::Result<std::string> presign_with(const s3client::ClientConfig& client,
                                       const std::string& region, const PresignRequest& what,
                                       const s3client::Credentials& keys);

}  // namespace archive
