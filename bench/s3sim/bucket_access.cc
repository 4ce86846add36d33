#include "s3sim/bucket_access.h"

#include <algorithm>

#include "s3sim/numbers.h"

namespace s3sim {
namespace {

constexpr std::size_t kAccountDigits = 12;

std::string header_or_parameter(const Request& request, std::string_view name) {
    if (request.has_header(name)) return std::string(request.header(name));
    return request.parameter_or(name, "");
}

bool is_account(std::string_view text) {
    return text.size() == kAccountDigits &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Answered<void> check_bucket_access(const Request& request, const Options& options) {
    const std::string payer = header_or_parameter(request, "x-amz-request-payer");
    if (!payer.empty() && payer != "requester")
        return refuse(400, "InvalidArgument", "x-amz-request-payer must be requester");
    const std::string expected = header_or_parameter(request, "x-amz-expected-bucket-owner");
    if (!expected.empty() && !is_account(expected)) {
        return refuse(400, "InvalidBucketOwnerAWSAccountID",
                      "The value of the expected bucket owner parameter must be an AWS account ID");
    }
    const auto owner = options.bucket_owners.find(request.bucket);
    if (!expected.empty() &&
        expected != (owner == options.bucket_owners.end() ? kAccount : owner->second)) {
        return refuse("AccessDenied");
    }
    if (payer.empty() && contains(options.requester_pays, request.bucket))
        return refuse("AccessDenied");
    return {};
}

}  // namespace s3sim
