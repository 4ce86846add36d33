// Access points: what may stand where a bucket is meant, written as an ARN
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html).
//
// Pure. An access point has a host of its own and the region of its ARN; its alias is used like the
// name of a bucket and needs none of this. What is written alike but works differently is refused
// by name: multi-region access points, Object Lambda, Outposts, S3 Express.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace s3client {

struct AccessPoint {
    std::string region, account, name;
};

constexpr bool is_arn(std::string_view bucket) { return bucket.starts_with("arn:"); }

// arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME. Errors: invalid "bad_bucket".
base::Result<AccessPoint> parse_access_point(std::string_view arn);
// The region that requests to `bucket` are signed for, if it says so itself.
std::optional<std::string> region_of_access_point(std::string_view bucket);

// Of an AWS endpoint: names that end like those of S3 Express or Object Lambda. Errors: invalid
// "bad_bucket".
base::Status check_not_special(std::string_view bucket);

// How much of the front of "arn:...:accesspoint/name/key" is the ARN.
std::size_t arn_size(std::string_view text);

}  // namespace s3client
