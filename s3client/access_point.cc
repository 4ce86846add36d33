#include "s3client/access_point.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "s3client/clip.h"

namespace s3client {
namespace {

constexpr std::size_t kNameMin = 3, kNameMax = 50, kAccountSize = 12, kRegionMax = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_edge(char c) { return is_lower(c) || is_digit(c); }
bool is_label_character(char c) { return is_edge(c) || c == '-'; }

std::unexpected<base::Error> bad(std::string_view bucket, std::string_view why) {
    return base::fail(base::ErrorKind::invalid, "bad_bucket",
                      fmt::format("bucket '{}': {}", clip(bucket, 200), why));
}

// partition, service, region, account, resource; false if there are fewer.
bool split_arn(std::string_view arn, std::array<std::string_view, 5>& fields) {
    if (!is_arn(arn)) return false;
    arn.remove_prefix(std::string_view("arn:").size());
    for (std::size_t i = 0; i + 1 < fields.size(); ++i) {
        const auto colon = arn.find(':');
        if (colon == std::string_view::npos) return false;
        fields[i] = arn.substr(0, colon);
        arn.remove_prefix(colon + 1);
    }
    fields.back() = arn;
    return true;
}

bool is_region_of(std::string_view region, std::string_view partition) {
    if (region.size() > kRegionMax || !std::ranges::all_of(region, is_label_character))
        return false;
    if (partition == "aws-cn") return region.starts_with("cn-");
    if (partition == "aws-us-gov") return region.starts_with("us-gov-");
    return partition == "aws" && !region.starts_with("cn-") && !region.starts_with("us-gov-");
}

}  // namespace

base::Result<AccessPoint> parse_access_point(std::string_view arn) {
    constexpr std::string_view kForm =
        "expected a name or arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME";
    std::array<std::string_view, 5> fields;
    if (!split_arn(arn, fields)) return bad(arn, kForm);
    auto [partition, service, region, account, resource] = fields;
    if (service == "s3-object-lambda") return bad(arn, "Object Lambda access points do not work");
    if (service == "s3-outposts") return bad(arn, "S3 on Outposts does not work");
    if (service == "s3express") return bad(arn, "S3 Express access points do not work");
    constexpr std::string_view kKind = "accesspoint";
    const bool is_access_point = service == "s3" && resource.starts_with(kKind) &&
                                 resource.size() > kKind.size() &&
                                 (resource[kKind.size()] == '/' || resource[kKind.size()] == ':');
    if (!is_access_point) return bad(arn, kForm);
    const std::string_view name = resource.substr(kKind.size() + 1);
    if (region.empty() || name.ends_with(".mrap"))
        return bad(arn, "multi-region access points do not work");
    if (!is_region_of(region, partition)) return bad(arn, "its region does not fit its partition");
    if (account.size() != kAccountSize || !std::ranges::all_of(account, is_digit))
        return bad(arn, "its account must have 12 digits");
    const bool well_named = name.size() >= kNameMin && name.size() <= kNameMax &&
                            std::ranges::all_of(name, is_label_character) &&
                            is_edge(name.front()) && is_edge(name.back());
    if (!well_named) return bad(arn, "its name must be 3 to 50 of a-z, 0-9 and '-'");
    return AccessPoint{std::string(region), std::string(account), std::string(name)};
}

std::optional<std::string> region_of_access_point(std::string_view bucket) {
    if (!is_arn(bucket)) return std::nullopt;
    auto point = parse_access_point(bucket);
    if (!point) return std::nullopt;
    return std::move(point->region);
}

base::Status check_not_special(std::string_view bucket) {
    if (bucket.ends_with("--x-s3") || bucket.ends_with("--xa-s3"))
        return bad(bucket, "buckets and access points of S3 Express do not work");
    if (bucket.ends_with("--ol-s3")) return bad(bucket, "Object Lambda access points do not work");
    if (bucket.ends_with(".mrap")) return bad(bucket, "multi-region access points do not work");
    return {};
}

std::size_t arn_size(std::string_view text) {
    // The name begins behind the first '/', or behind the sixth ':'.
    std::size_t colons = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ':') ++colons;
        if (text[i] == '/' || colons == 6) return std::min(text.find('/', i + 1), text.size());
    }
    return text.size();
}

}  // namespace s3client
