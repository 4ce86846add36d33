// Who pays for requests to a bucket, and whose it is.
#pragma once

#include "s3sim/errors.h"
#include "s3sim/http.h"
#include "s3sim/server.h"

namespace s3sim {

// The account of all buckets but those that Options::bucket_owners has.
inline constexpr std::string_view kAccount = "123456789012";

// x-amz-request-payer and x-amz-expected-bucket-owner, as headers or, in presigned URLs, as query
// parameters: 403 if the bucket's requesters pay and this one has not agreed to it, or if the
// bucket is not whose the request expects.
Answered<void> check_bucket_access(const Request& request, const Options& options);

}  // namespace s3sim
