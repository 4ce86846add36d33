// Who asks, and whether this is the place to ask: credentials that change, regions of buckets.
#include <algorithm>

#include "s3sim/claim.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"

namespace s3sim {
namespace {

constexpr std::size_t kRetiredMax = 64;  // older ones are unknown keys again

bool same(const Credentials& a, const Credentials& b) {
    return a.access_key == b.access_key && a.secret_key == b.secret_key &&
           a.session_token == b.session_token;
}

}  // namespace

base::Status Service::prepare() {
    auto profile = chosen_profile(options_);
    if (!profile) return std::unexpected(profile.error());
    profile_ = std::move(*profile);
    auto latency = LatencyModel::parse(options_.latency);
    if (!latency) return std::unexpected(latency.error());
    timing_.latency = std::move(*latency);
    for (const auto& [bucket, text] : options_.bucket_regions) {
        const auto comma = std::min(text.find(','), text.size());
        const std::string region = text.substr(0, comma);
        const std::uint64_t status =
            comma == text.size() ? 301 : parse_number(text.substr(comma + 1)).value_or(0);
        if (region.empty() || (status != 301 && status != 307 && status != 400)) {
            return base::fail(base::ErrorKind::invalid, "bad_bucket_region",
                              bucket + ": '" + text + "' is not REGION[,301|307|400]");
        }
        regions_[bucket] = {region, static_cast<int>(status)};
    }
    return {};
}

const std::string& Service::region_of(std::string_view bucket) const {
    const auto at = regions_.find(bucket);
    return at == regions_.end() ? options_.region : at->second.region;
}

void Service::set_credentials(std::string_view access_key, std::string_view secret_key,
                              std::string_view session_token) {
    Credentials next{std::string(access_key), std::string(secret_key), std::string(session_token),
                     options_.region};
    const std::scoped_lock lock(credentials_mutex_);
    retired_.insert(retired_.end(), accepted_too_.begin(), accepted_too_.end());
    accepted_too_.clear();
    std::erase_if(retired_, [&](const Credentials& old) { return same(old, next); });
    if (!same(credentials_, next)) retired_.push_back(credentials_);
    while (retired_.size() > kRetiredMax) retired_.erase(retired_.begin());
    credentials_ = std::move(next);
}

void Service::accept_too(std::string_view access_key, std::string_view secret_key,
                         std::string_view session_token) {
    Credentials more{std::string(access_key), std::string(secret_key), std::string(session_token),
                     options_.region};
    const std::scoped_lock lock(credentials_mutex_);
    std::erase_if(retired_, [&](const Credentials& old) { return same(old, more); });
    accepted_too_.push_back(std::move(more));
}

// Public buckets take requests without a signature:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
Answered<Signed> Service::authenticate(const Request& request, Operation operation) {
    Credentials wanted;
    std::vector<Credentials> accepted_too, retired;
    {
        const std::scoped_lock lock(credentials_mutex_);
        wanted = credentials_;
        wanted.region_alias = profile_.region;
        accepted_too = accepted_too_;
        retired = retired_;
    }
    // A bucket that is still to be made will be in the region of this endpoint.
    const auto region =
        operation == Operation::CreateBucket ? regions_.end() : regions_.find(request.bucket);
    if (region != regions_.end()) {
        wanted.region = region->second.region;
        wanted.redirect_status = region->second.status;
    }
    const bool is_unsigned =
        request.header("authorization").empty() && request.parameter("X-Amz-Algorithm") == nullptr;
    if (options_.access_key.empty() && is_unsigned) {
        Signed not_signed;
        not_signed.payload_hash = kUnsigned;
        return not_signed;
    }
    auto checked = check_signature(request, wanted, now());
    if (checked) return checked;
    const std::string& code = checked.error().code;
    if (code != "InvalidAccessKeyId" && code != "InvalidToken" && code != "SignatureDoesNotMatch")
        return checked;
    for (Credentials& more : accepted_too) {
        more.region = wanted.region;
        more.region_alias = wanted.region_alias;
        more.redirect_status = wanted.redirect_status;
        if (auto also = check_signature(request, more, now())) return also;
    }
    for (Credentials& old : retired) {  // only who signs well with old keys is told so
        old.region = wanted.region;
        old.region_alias = wanted.region_alias;
        old.redirect_status = wanted.redirect_status;
        if (check_signature(request, old, now())) return refuse("ExpiredToken");
    }
    return checked;
}

}  // namespace s3sim
