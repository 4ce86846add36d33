// AWS Signature Version 4 for S3:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
//
// A Signer belongs to one reactor (not thread-safe) and keeps the signing keys it derived, so that
// a request costs one SHA-256 of the canonical request and one HMAC. Requests are signed again for
// every attempt: a signature is as old as its date. S3's rules differ from other services': the
// path is encoded once and never normalised. All headers of the request are signed but those a
// proxy may touch (see sigv4.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "s3client/credentials/credentials.h"
#include "s3client/request.h"

namespace s3client {

// What x-amz-content-sha256 says of the body.
class PayloadHash {
  public:
    static PayloadHash
    unsigned_payload();          // "UNSIGNED-PAYLOAD": the body is guarded by its checksum header
    static PayloadHash empty();  // of no bytes
    static PayloadHash of(base::ByteView payload);  // costs a pass over the bytes; for small bodies
    const std::string& value() const { return value_; }

  private:
    explicit PayloadHash(std::string value) : value_(std::move(value)) {}
    std::string value_;
};

inline constexpr std::uint64_t kPresignExpiresMax_s = 604'800;  // a week, S3's own limit

class Signer {
  public:
    Signer();
    ~Signer();
    Signer(const Signer&) = delete;
    Signer& operator=(const Signer&) = delete;

    // Header authentication. Sets x-amz-date, x-amz-content-sha256, x-amz-security-token and
    // authorization, replacing those of an earlier attempt; host, path, query and the other headers
    // are the caller's.
    // Nothing is set for credentials that are anonymous().
    // service: another one than S3 (STS); its path must be "/", for S3's rules are applied to it.
    void sign(HttpRequest& request, const PayloadHash& payload, const Credentials& credentials,
              std::string_view region, base::UtcTime now, std::string_view service = "s3");

    // Query authentication: a URL anybody may use until it expires. scheme: "https" or "http".
    // Of credentials that are anonymous() it is the object's plain URL, which does not expire.
    // Headers in the request must be sent with it unchanged. Errors: invalid "bad_expiry"
    // outside 1..kPresignExpiresMax_s.
    base::Result<std::string> presign(HttpRequest request, std::string_view scheme,
                                      const Credentials& credentials, std::string_view region,
                                      std::uint64_t expires_s, base::UtcTime now);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The steps, for tests and for a server that checks signatures.
struct CanonicalRequest {
    std::string text;
    std::string signed_headers;  // "host;range;x-amz-date"
};
CanonicalRequest canonical_request(const HttpRequest& request, std::string_view payload_hash);
// 20130524/us-east-1/s3/aws4_request
std::string credential_scope(std::string_view amz_date, std::string_view region,
                             std::string_view service = "s3");
std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                           std::string_view canonical_request_text);

using Sha256 = std::array<std::byte, 32>;
Sha256 sha256(base::ByteView bytes);
Sha256 hmac_sha256(base::ByteView key, base::ByteView message);

}  // namespace s3client
