// The examples of "Signature Calculations for the Authorization Header" and "Authenticating
// Requests: Using Query Parameters" in the S3 API reference, and what must not pass.
#include "s3sim/auth.h"

#include <gtest/gtest.h>
#include <chrono>

namespace s3sim {
namespace {

using namespace std::chrono_literals;

const Credentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "",
                           "us-east-1"};
constexpr base::UtcTime kThen = std::chrono::sys_days(std::chrono::year(2013) / 5 / 24);
constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string with_authorization(std::string head, std::string_view signed_headers,
                               std::string_view signature,
                               std::string_view scope = "20130524/us-east-1/s3/aws4_request",
                               std::string_view access_key = "AKIAIOSFODNN7EXAMPLE") {
    return head + "Authorization: AWS4-HMAC-SHA256 Credential=" + std::string(access_key) + "/" +
           std::string(scope) + ",SignedHeaders=" + std::string(signed_headers) +
           ",Signature=" + std::string(signature) + "\r\n\r\n";
}

// "" for a good signature, else the code.
std::string check(const std::string& head, base::UtcTime now = kThen,
                  const Credentials& credentials = kExample) {
    Request request;
    if (!parse_head(head, request) || !resolve_target(request)) return "unparsable";
    const auto checked = check_signature(request, credentials, now);
    return checked ? "" : checked.error().code;
}

std::string get_object_head(std::string_view extra = {}) {
    return "GET /test.txt HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\nRange: bytes=0-9\r\n"
           "x-amz-content-sha256: " +
           std::string(kEmptyHash) + "\r\nx-amz-date: 20130524T000000Z\r\n" + std::string(extra);
}
constexpr std::string_view kGetSigned = "host;range;x-amz-content-sha256;x-amz-date";
constexpr std::string_view kGetSignature =
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";

TEST(Auth, PublishedGetObject) {
    EXPECT_EQ(check(with_authorization(get_object_head(), kGetSigned, kGetSignature)), "");
}

TEST(Auth, PublishedPutObject) {
    const std::string head =
        "PUT /test$file.text HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n"
        "Date: Fri, 24 May 2013 00:00:00 GMT\r\nx-amz-date: 20130524T000000Z\r\n"
        "x-amz-storage-class: REDUCED_REDUNDANCY\r\n"
        "x-amz-content-sha256: "
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\r\n";
    EXPECT_EQ(check(with_authorization(
                  head, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")),
              "");
}

TEST(Auth, PublishedQueries) {
    const auto head = [](std::string_view query) {
        return "GET /?" + std::string(query) +
               " HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n"
               "x-amz-content-sha256: " +
               std::string(kEmptyHash) + "\r\nx-amz-date: 20130524T000000Z\r\n";
    };
    constexpr std::string_view kSigned = "host;x-amz-content-sha256;x-amz-date";
    EXPECT_EQ(check(with_authorization(
                  head("lifecycle"), kSigned,
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")),
              "");
    constexpr std::string_view kList =
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    EXPECT_EQ(check(with_authorization(head("max-keys=2&prefix=J"), kSigned, kList)), "");
    EXPECT_EQ(check(with_authorization(head("prefix=J&max-keys=2"), kSigned, kList)), "");
    EXPECT_EQ(check(with_authorization(head("max-keys=2&prefix=K"), kSigned, kList)),
              "SignatureDoesNotMatch");
}

std::string presigned(std::string_view expires, std::string_view signature) {
    return "GET "
           "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%"
           "2F20130524%2F"
           "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=" +
           std::string(expires) +
           "&X-Amz-SignedHeaders=host&X-Amz-Signature=" + std::string(signature) +
           " HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n\r\n";
}
constexpr std::string_view kPresignature =
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

TEST(Auth, PublishedPresignedUrl) {
    EXPECT_EQ(check(presigned("86400", kPresignature)), "");
    EXPECT_EQ(check(presigned("86400", kPresignature), kThen + 24h), "");
    EXPECT_EQ(check(presigned("86400", kPresignature), kThen + 24h + 1s), "AccessDenied");
    EXPECT_EQ(check(presigned("86400", kPresignature), kThen - 16min), "AccessDenied");
    EXPECT_EQ(check(presigned("86401", kPresignature)), "SignatureDoesNotMatch");
    EXPECT_EQ(check(presigned("604801", kPresignature)), "AuthorizationQueryParametersError");
    EXPECT_EQ(check(presigned("", kPresignature)), "AuthorizationQueryParametersError");
}

TEST(Auth, Skew) {
    const std::string head = with_authorization(get_object_head(), kGetSigned, kGetSignature);
    EXPECT_EQ(check(head, kThen + 15min), "");
    EXPECT_EQ(check(head, kThen - 15min), "");
    EXPECT_EQ(check(head, kThen + 15min + 1s), "RequestTimeTooSkewed");
    EXPECT_EQ(check(head, kThen - 15min - 1s), "RequestTimeTooSkewed");
}

TEST(Auth, WrongClaims) {
    std::string forged(kGetSignature);
    forged.back() = '0';
    EXPECT_EQ(check(with_authorization(get_object_head(), kGetSigned, forged)),
              "SignatureDoesNotMatch");
    EXPECT_EQ(check(with_authorization(get_object_head(), kGetSigned, kGetSignature,
                                       "20130524/us-east-1/s3/aws4_request", "AKIDUNKNOWN")),
              "InvalidAccessKeyId");
    for (const char* scope :
         {"20130524/eu-west-1/s3/aws4_request", "20130523/us-east-1/s3/aws4_request",
          "20130524/us-east-1/ec2/aws4_request", "20130524/us-east-1/s3/aws5_request", "x"}) {
        EXPECT_EQ(check(with_authorization(get_object_head(), kGetSigned, kGetSignature, scope)),
                  "AuthorizationHeaderMalformed")
            << scope;
    }
    Credentials other = kExample;
    other.secret_key.back() = 'X';
    EXPECT_EQ(check(with_authorization(get_object_head(), kGetSigned, kGetSignature), kThen, other),
              "SignatureDoesNotMatch");
}

TEST(Auth, WrongRegionNamesTheRightOne) {
    Request request;
    const std::string head = with_authorization(get_object_head(), kGetSigned, kGetSignature,
                                                "20130524/eu-west-1/s3/aws4_request");
    ASSERT_TRUE(parse_head(head, request) && resolve_target(request));
    const auto checked = check_signature(request, kExample, kThen);
    ASSERT_FALSE(checked);
    ASSERT_EQ(checked.error().extra.size(), 1U);
    EXPECT_EQ(checked.error().extra[0], std::pair(std::string("Region"), std::string("us-east-1")));
}

TEST(Auth, WhatMustBeSignedOrSent) {
    EXPECT_EQ(check("GET /test.txt HTTP/1.1\r\nHost: h\r\n\r\n"), "AccessDenied");
    EXPECT_EQ(check(with_authorization(get_object_head("x-amz-request-payer: requester\r\n"),
                                       kGetSigned, kGetSignature)),
              "AccessDenied");
    EXPECT_EQ(check(with_authorization(get_object_head(), "range;x-amz-content-sha256;x-amz-date",
                                       kGetSignature)),
              "AccessDenied");
    EXPECT_EQ(check(with_authorization(
                  get_object_head(), "x-amz-date;host;range;x-amz-content-sha256", kGetSignature)),
              "AuthorizationHeaderMalformed");
    const std::string no_hash = "GET /t HTTP/1.1\r\nHost: h\r\nx-amz-date: 20130524T000000Z\r\n";
    EXPECT_EQ(check(with_authorization(no_hash, "host;x-amz-date", kGetSignature)),
              "InvalidRequest");
    EXPECT_EQ(check(with_authorization(no_hash + "x-amz-content-sha256: nonsense\r\n",
                                       "host;x-amz-content-sha256;x-amz-date", kGetSignature)),
              "InvalidArgument");
}

TEST(Auth, SessionToken) {
    Credentials session = kExample;
    session.session_token = "token";
    EXPECT_EQ(
        check(with_authorization(get_object_head(), kGetSigned, kGetSignature), kThen, session),
        "InvalidToken");
}

}  // namespace
}  // namespace s3sim
