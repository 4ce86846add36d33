// What S3's refusal may have to do with how a bucket was accessed. S3 says little: of HEADs no more
// than the status, of a wrong owner or a missing payer "Access Denied".
#pragma once

#include "base/error.h"
#include "s3client/access.h"

namespace archive {

// The same error; where the access can be the reason, its detail says so. Tells nothing of keys.
base::Error with_access_hint(base::Error error, const s3client::Access& access);

}  // namespace archive
