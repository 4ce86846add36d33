// Where requests go: a region of AWS or the URL of a compatible store, and how a bucket and key
// become host and path.
//
// Plain values, no I/O: names are resolved by whoever connects. Path-style puts the bucket into the
// path, virtual-host style into the host name; automatic takes virtual-host for AWS and path for
// all others, and path for bucket names that do not fit a certificate's wildcard
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace s3client {

enum class Addressing : std::uint8_t { automatic, path, virtual_host };
base::Result<Addressing> parse_addressing(std::string_view text);  // "auto" | "path" | "virtual"

struct Endpoint {
    bool tls = true;
    bool aws = true;   // an amazonaws.com host: AWS's naming rules hold
    std::string host;  // name or address; an IPv6 address without brackets
    std::uint16_t port = 443;
    std::string path_prefix;  // of a gateway below a path, encoded: "" or "/s3"

    std::string_view scheme() const { return tls ? "https" : "http"; }
    std::string url() const;  // http://127.0.0.1:9000
};

enum class IpVersions : std::uint8_t { v4, dual_stack };  // of AWS's usual endpoints
// s3.{region}.amazonaws.com or s3.dualstack.{region}.amazonaws.com; .amazonaws.com.cn in China.
// Errors: invalid "bad_region".
base::Result<Endpoint> endpoint_of_region(std::string_view region, IpVersions ip = IpVersions::v4);
// http(s)://host[:port][/prefix]. Errors: invalid "bad_endpoint", which quotes the URL without any
// user:password.
base::Result<Endpoint> parse_endpoint(std::string_view url);
// The endpoint to use for a bucket of another region, if `endpoint` is a usual one of its own. Any
// other was asked for (a private one, another store) and stays: then only the signature names the
// region.
base::Result<Endpoint> endpoint_in_region(const Endpoint& endpoint, std::string_view own_region,
                                          std::string_view region);

// What a request needs to know of its bucket and key.
struct Target {
    std::string connect_host;  // to resolve, and the name the certificate must carry
    std::uint16_t port = 0;
    bool tls = true;
    std::string host_header;  // HttpRequest::host
    std::string path;         // HttpRequest::path
    bool direct = false;      // never through a proxy
};
// An empty key addresses the bucket itself. An access point needs one of AWS's usual endpoints or a
// private one for access points. Errors: invalid "bad_bucket", "bad_key".
base::Result<Target> resolve(const Endpoint& endpoint, Addressing addressing,
                             std::string_view bucket, std::string_view key);

// AWS's rules if aws (3..63 of a-z 0-9 . -), else what can stand in a path (1..255 of A-Z a-z 0-9 .
// - _). Or the ARN of an access point.
base::Status check_bucket(std::string_view bucket, bool aws);
inline constexpr std::size_t kKeySizeMax_bytes = 1024;
base::Status check_key(std::string_view key);

struct S3Uri {
    std::string bucket;
    std::string key;  // may be empty or a prefix
};
base::Result<S3Uri> parse_s3_uri(std::string_view text);  // s3://bucket[/key], s3://arn...

}  // namespace s3client
