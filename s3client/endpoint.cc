#include "s3client/endpoint.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <optional>

#include "base/encoding.h"
#include "s3client/access_point.h"
#include "s3client/clip.h"

namespace s3client {
namespace {

using base::ErrorKind;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'); }

bool is_aws_host(std::string_view host) {
    return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
}

// "192.168.5.4": AWS refuses such bucket names, and no certificate has such a label.
bool looks_like_ipv4(std::string_view name) {
    return std::ranges::count(name, '.') == 3 &&
           std::ranges::all_of(name, [](char c) { return is_digit(c) || c == '.'; });
}

// One label under a wildcard certificate: without dots, and legal in a host name.
bool fits_host_name(std::string_view bucket) {
    return check_bucket(bucket, true).has_value() && !bucket.contains('.');
}

bool is_host(std::string_view host) {
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
        return is_alnum(c) || c == '.' || c == '-' || c == '_';
    });
}

bool is_ipv6(std::string_view host) {
    return host.contains(':') && std::ranges::all_of(host, [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                      c == '.';
           });
}

std::string host_with_port(const Endpoint& endpoint, std::string_view host) {
    const std::string name = host.contains(':') ? fmt::format("[{}]", host) : std::string(host);
    const bool is_default = endpoint.port == (endpoint.tls ? 443 : 80);
    return is_default ? name : fmt::format("{}:{}", name, endpoint.port);
}

std::unexpected<base::Error> bad_endpoint(std::string_view url, std::string_view why) {
    // What stands before an '@' may be a password.
    const auto at = url.rfind('@');
    const std::string shown =
        at == std::string_view::npos ? std::string(url) : "..." + std::string(url.substr(at));
    return base::fail(ErrorKind::invalid, "bad_endpoint",
                      fmt::format("endpoint URL '{}': {}", clip(shown, 200), why));
}

std::unexpected<base::Error> bad_bucket(std::string_view bucket, std::string_view why) {
    return base::fail(ErrorKind::invalid, "bad_bucket",
                      fmt::format("bucket '{}': {}", clip(bucket, 100), why));
}

// The IP versions of one of AWS's usual endpoints, of any region; none of others.
std::optional<IpVersions> usual_ip_versions(const Endpoint& endpoint) {
    constexpr std::string_view kService = "s3.", kDual = "dualstack.";
    std::string_view host = endpoint.host;
    if (!endpoint.aws || !host.starts_with(kService)) return std::nullopt;
    host.remove_prefix(kService.size());
    const IpVersions ip = host.starts_with(kDual) ? IpVersions::dual_stack : IpVersions::v4;
    if (ip == IpVersions::dual_stack) host.remove_prefix(kDual.size());
    const auto made = endpoint_of_region(host.substr(0, host.find('.')), ip);
    return made && made->host == endpoint.host ? std::optional(ip) : std::nullopt;
}

// {name}-{account}.s3-accesspoint[.dualstack].{region}.amazonaws.com, or in front of a private
// endpoint, accesspoint.vpce-....vpce.amazonaws.com.
base::Result<std::string> host_of(const AccessPoint& point, std::string_view arn,
                                  const Endpoint& endpoint, Addressing addressing) {
    if (addressing == Addressing::path) return bad_bucket(arn, "needs other than path addressing");
    const std::string label = fmt::format("{}-{}", point.name, point.account);
    if (endpoint.aws && endpoint.host.starts_with("accesspoint.vpce-"))
        return fmt::format("{}.{}", label, endpoint.host);
    const auto ip = usual_ip_versions(endpoint);
    if (!ip) {
        return bad_bucket(
            arn, fmt::format("there are no access points at the endpoint {}", endpoint.url()));
    }
    const auto home = endpoint_of_region(point.region, *ip);
    if (!home) return std::unexpected(home.error());
    return fmt::format("{}.s3-accesspoint.{}", label,
                       std::string_view(home->host).substr(std::string_view("s3.").size()));
}

base::Result<Target> target_at_access_point(const Endpoint& endpoint, Addressing addressing,
                                            std::string_view arn, std::string_view key) {
    const auto point = parse_access_point(arn);
    if (!point) return std::unexpected(point.error());
    auto host = host_of(*point, arn, endpoint, addressing);
    if (!host) return std::unexpected(host.error());
    Target target;
    target.port = endpoint.port;
    target.tls = endpoint.tls;
    target.path = "/" + base::percent_encode(key, true);
    target.connect_host = std::move(*host);
    target.host_header = host_with_port(endpoint, target.connect_host);
    return target;
}

// Splits "host[:port]" or "[v6][:port]"; false if it is neither.
bool parse_authority(std::string_view authority, Endpoint& endpoint) {
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return false;
        endpoint.host = authority.substr(1, close - 1);
        if (!is_ipv6(endpoint.host)) return false;
        port = authority.substr(close + 1);
        has_port = port.starts_with(':');
        if (!port.empty() && !has_port) return false;
        if (has_port) port.remove_prefix(1);
    } else {
        const auto colon = authority.find(':');
        has_port = colon != std::string_view::npos;
        endpoint.host = authority.substr(0, colon);
        if (has_port) port = authority.substr(colon + 1);
        if (!is_host(endpoint.host)) return false;
    }
    if (!has_port) return true;
    const auto [end, error] =
        std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    return error == std::errc{} && end == port.data() + port.size() && endpoint.port != 0;
}

}  // namespace

base::Result<Addressing> parse_addressing(std::string_view text) {
    if (text == "auto") return Addressing::automatic;
    if (text == "path") return Addressing::path;
    if (text == "virtual") return Addressing::virtual_host;
    return base::fail(ErrorKind::invalid, "bad_addressing",
                      fmt::format("addressing '{}': expected auto, path or virtual", text));
}

std::string Endpoint::url() const {
    return fmt::format("{}://{}{}", scheme(), host_with_port(*this, host), path_prefix);
}

base::Result<Endpoint> endpoint_of_region(std::string_view region, IpVersions ip) {
    const bool shaped =
        !region.empty() && region.size() <= 32 &&
        std::ranges::all_of(region, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
    if (!shaped) {
        return base::fail(
            ErrorKind::invalid, "bad_region",
            fmt::format("region '{}': expected a name such as us-east-1", clip(region, 100)));
    }
    Endpoint endpoint;
    endpoint.host =
        fmt::format("s3.{}{}.amazonaws.com{}", ip == IpVersions::dual_stack ? "dualstack." : "",
                    region, region.starts_with("cn-") ? ".cn" : "");
    return endpoint;
}

base::Result<Endpoint> parse_endpoint(std::string_view url) {
    Endpoint endpoint;
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
        endpoint.tls = false;
        endpoint.port = 80;
    } else {
        return bad_endpoint(url, "must begin with http:// or https://");
    }
    if (rest.find_first_of("?#") != std::string_view::npos) {
        return bad_endpoint(url, "must have no query or fragment");
    }
    const auto slash = rest.find('/');
    const std::string_view authority = rest.substr(0, slash);
    if (authority.contains('@')) {
        return bad_endpoint(url, "must not hold a user or password; keys go elsewhere");
    }
    if (!parse_authority(authority, endpoint)) {
        return bad_endpoint(url, "expected host or host:port after the scheme");
    }
    std::string_view prefix = slash == std::string_view::npos ? "" : rest.substr(slash);
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    if (std::ranges::any_of(prefix, [](char c) { return c <= ' ' || c >= '\x7f'; })) {
        return bad_endpoint(url, "the path must be percent-encoded");
    }
    endpoint.path_prefix = prefix;
    endpoint.aws = is_aws_host(endpoint.host);
    return endpoint;
}

base::Result<Endpoint> endpoint_in_region(const Endpoint& endpoint, std::string_view own_region,
                                          std::string_view region) {
    if (region == own_region) return endpoint;
    for (const IpVersions ip : {IpVersions::v4, IpVersions::dual_stack}) {
        const auto own = endpoint_of_region(own_region, ip);
        if (own && own->host == endpoint.host) return endpoint_of_region(region, ip);
    }
    return endpoint;
}

base::Result<Target> resolve(const Endpoint& endpoint, Addressing addressing,
                             std::string_view bucket, std::string_view key) {
    if (const base::Status ok = check_bucket(bucket, endpoint.aws); !ok) {
        return std::unexpected(ok.error());
    }
    if (!key.empty()) {
        if (const base::Status ok = check_key(key); !ok) return std::unexpected(ok.error());
    }
    if (is_arn(bucket)) return target_at_access_point(endpoint, addressing, bucket, key);
    if (addressing == Addressing::automatic) {
        addressing =
            endpoint.aws && fits_host_name(bucket) ? Addressing::virtual_host : Addressing::path;
    } else if (addressing == Addressing::virtual_host && !check_bucket(bucket, true)) {
        return bad_bucket(bucket, "cannot be part of a host name; use path addressing");
    }
    Target target;
    target.port = endpoint.port;
    target.tls = endpoint.tls;
    target.path = endpoint.path_prefix + "/";
    target.connect_host = endpoint.host;
    if (addressing == Addressing::virtual_host) {
        target.connect_host = fmt::format("{}.{}", bucket, endpoint.host);
    } else {
        target.path += bucket;
        if (!key.empty()) target.path += '/';
    }
    target.path += base::percent_encode(key, true);
    target.host_header = host_with_port(endpoint, target.connect_host);
    return target;
}

base::Status check_bucket(std::string_view bucket, bool aws) {
    if (is_arn(bucket)) {
        const auto point = parse_access_point(bucket);
        return point ? base::Status{} : std::unexpected(point.error());
    }
    if (!aws) {
        if (bucket.empty() || bucket.size() > 255) {
            return bad_bucket(bucket, "must have 1 to 255 characters");
        }
        if (bucket == "." || bucket == "..") return bad_bucket(bucket, "is not a name");
        if (!std::ranges::all_of(
                bucket, [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; })) {
            return bad_bucket(bucket, "may hold letters, digits, '.', '-' and '_' only");
        }
        return {};
    }
    if (bucket.size() < 3 || bucket.size() > 63) {
        return bad_bucket(bucket, "must have 3 to 63 characters");
    }
    if (!std::ranges::all_of(
            bucket, [](char c) { return is_lower(c) || is_digit(c) || c == '.' || c == '-'; })) {
        return bad_bucket(bucket, "may hold lower-case letters, digits, '.' and '-' only");
    }
    const auto is_edge = [](char c) { return is_lower(c) || is_digit(c); };
    if (!is_edge(bucket.front()) || !is_edge(bucket.back())) {
        return bad_bucket(bucket, "must begin and end with a letter or digit");
    }
    if (bucket.contains("..")) return bad_bucket(bucket, "must not hold two dots in a row");
    if (looks_like_ipv4(bucket)) return bad_bucket(bucket, "must not look like an IP address");
    return check_not_special(bucket);
}

base::Status check_key(std::string_view key) {
    if (key.empty()) return base::fail(ErrorKind::invalid, "bad_key", "the key is empty");
    if (key.size() > kKeySizeMax_bytes) {
        return base::fail(ErrorKind::invalid, "bad_key",
                          fmt::format("key '{}...': {} bytes, S3 allows {}", clip(key, 60),
                                      key.size(), kKeySizeMax_bytes));
    }
    return {};
}

base::Result<S3Uri> parse_s3_uri(std::string_view text) {
    constexpr std::string_view kScheme = "s3://";
    if (!text.starts_with(kScheme)) {
        return base::fail(ErrorKind::invalid, "bad_s3_uri",
                          fmt::format("'{}': expected s3://bucket/key", clip(text, 200)));
    }
    const std::string_view rest = text.substr(kScheme.size());
    auto slash = is_arn(rest) ? arn_size(rest) : rest.find('/');
    if (slash >= rest.size()) slash = std::string_view::npos;
    S3Uri uri{std::string(rest.substr(0, slash)),
              slash == std::string_view::npos ? "" : std::string(rest.substr(slash + 1))};
    if (const base::Status ok = check_bucket(uri.bucket, false); !ok) {
        return std::unexpected(ok.error());
    }
    if (!uri.key.empty()) {
        if (const base::Status ok = check_key(uri.key); !ok) return std::unexpected(ok.error());
    }
    return uri;
}

}  // namespace s3client
