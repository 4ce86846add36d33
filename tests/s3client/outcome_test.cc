// The table of S3's errors: codes, statuses, advice, and the texts made of them.
#include "s3client/outcome.h"

#include <gtest/gtest.h>

namespace s3client {
namespace {

using base::ErrorKind;

struct CodeCase {
    int status;
    const char* code;
    ErrorKind kind;
    bool retry;
};

TEST(Classify, TheCodeDecides) {
    const CodeCase cases[] = {
        {404, "NoSuchKey", ErrorKind::not_found, false},
        {404, "NoSuchBucket", ErrorKind::not_found, false},
        {404, "NoSuchUpload", ErrorKind::not_found, false},
        {403, "AccessDenied", ErrorKind::denied, false},
        {403, "SignatureDoesNotMatch", ErrorKind::denied, false},
        {403, "InvalidAccessKeyId", ErrorKind::denied, false},
        {403, "InvalidObjectState", ErrorKind::invalid, false},
        {412, "PreconditionFailed", ErrorKind::precondition, false},
        {409, "ConditionalRequestConflict", ErrorKind::precondition, false},
        {409, "OperationAborted", ErrorKind::transient, true},
        {400, "EntityTooSmall", ErrorKind::invalid, false},
        {400, "EntityTooLarge", ErrorKind::exhausted, false},
        {400, "InvalidPart", ErrorKind::invalid, false},
        {400, "BadDigest", ErrorKind::corrupt, true},
        {400, "RequestTimeout", ErrorKind::transient, true},
        {400, "IncompleteBody", ErrorKind::transient, true},
        {500, "InternalError", ErrorKind::transient, true},
        {200, "InternalError", ErrorKind::transient, true},
        {503, "SlowDown", ErrorKind::throttled, true},
        {200, "SlowDown", ErrorKind::throttled, true},
        {503, "ServiceUnavailable", ErrorKind::throttled, true},
        {400, "ThrottlingException", ErrorKind::throttled, true},
        {400, "RequestLimitExceeded", ErrorKind::throttled, true},
        {501, "NotImplemented", ErrorKind::invalid, false},
        {416, "InvalidRange", ErrorKind::invalid, false},
    };
    for (const CodeCase& c : cases) {
        const Outcome outcome = classify(c.status, c.code);
        EXPECT_EQ(outcome.kind, c.kind) << c.code;
        EXPECT_EQ(outcome.advice.retry, c.retry) << c.code;
        EXPECT_EQ(outcome.advice.throttle, c.kind == ErrorKind::throttled) << c.code;
    }
}

TEST(Classify, TheStatusDecidesForUnknownCodes) {
    const CodeCase cases[] = {
        {301, "", ErrorKind::invalid, false},       {304, "", ErrorKind::precondition, false},
        {400, "", ErrorKind::invalid, false},       {401, "", ErrorKind::denied, false},
        {403, "Novel", ErrorKind::denied, false},   {404, "Novel", ErrorKind::not_found, false},
        {405, "", ErrorKind::invalid, false},       {408, "", ErrorKind::transient, true},
        {409, "", ErrorKind::precondition, false},  {412, "", ErrorKind::precondition, false},
        {418, "", ErrorKind::invalid, false},       {429, "", ErrorKind::throttled, true},
        {500, "Novel", ErrorKind::transient, true}, {502, "", ErrorKind::transient, true},
        {503, "Novel", ErrorKind::throttled, true}, {504, "", ErrorKind::transient, true},
        {507, "", ErrorKind::exhausted, false},     {520, "", ErrorKind::transient, true},
        {200, "Novel", ErrorKind::transient, true},
    };
    for (const CodeCase& c : cases) {
        const Outcome outcome = classify(c.status, c.code);
        EXPECT_EQ(outcome.kind, c.kind) << c.status << c.code;
        EXPECT_EQ(outcome.advice.retry, c.retry) << c.status << c.code;
    }
}

TEST(Classify, WhatToMendFirst) {
    EXPECT_TRUE(classify(403, "RequestTimeTooSkewed").advice.refresh_clock);
    EXPECT_TRUE(classify(400, "ExpiredToken").advice.refresh_credentials);
    EXPECT_TRUE(classify(400, "TokenRefreshRequired").advice.refresh_credentials);
    EXPECT_TRUE(classify(301, "PermanentRedirect").advice.redirect_region);
    EXPECT_TRUE(classify(307, "TemporaryRedirect").advice.redirect_region);
    EXPECT_TRUE(classify(400, "AuthorizationHeaderMalformed").advice.redirect_region);
    EXPECT_FALSE(classify(403, "AccessDenied").advice.refresh_clock);
    // None of these may loop in the retry policy.
    for (const char* code : {"RequestTimeTooSkewed", "ExpiredToken", "PermanentRedirect",
                             "AuthorizationHeaderMalformed"}) {
        EXPECT_FALSE(classify(400, code).advice.retry) << code;
    }
}

TEST(Advise, BrokenConnectionsAreNotUsedAgain) {
    const base::Error reset{ErrorKind::transient, "connection_reset", "", 0, {}, {}};
    EXPECT_TRUE(advise(reset).retry);
    EXPECT_TRUE(advise(reset).new_connection);
    const base::Error garbage{ErrorKind::corrupt, "bad_http_response", "", 200, {}, {}};
    EXPECT_TRUE(advise(garbage).retry);
    EXPECT_TRUE(advise(garbage).new_connection);
    const base::Error internal{ErrorKind::transient, "InternalError", "", 500, {}, {}};
    EXPECT_FALSE(advise(internal).new_connection);
    const base::Error cancelled{ErrorKind::cancelled, "cancelled", "", 0, {}, {}};
    EXPECT_FALSE(advise(cancelled).retry);
}

ResponseHead head_of(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
    ResponseHead head;
    head.status = status;
    head.headers = std::move(headers);
    return head;
}

TEST(ToError, NamesWhatItIsAbout) {
    ErrorBody body;
    body.code = "NoSuchKey";
    body.message = "The specified key does not exist.";
    body.request_id = "FROM-BODY";
    const base::Error error = to_error({Operation::get_object, "photos", "a/b.jpg"},
                                       head_of(404, {{"x-amz-request-id", "FROM-HEAD"}}), body);
    EXPECT_EQ(error.kind, ErrorKind::not_found);
    EXPECT_EQ(error.code, "NoSuchKey");
    EXPECT_EQ(error.detail, "GetObject s3://photos/a/b.jpg: The specified key does not exist.");
    EXPECT_EQ(error.http_status, 404);
    EXPECT_EQ(error.request_id, "FROM-HEAD");
    EXPECT_EQ(error.key, "photos/a/b.jpg");
    EXPECT_EQ(to_error({Operation::list_objects, "photos", ""}, head_of(404), body).key, "photos");
    EXPECT_EQ(to_error({Operation::list_objects, "photos", ""}, head_of(404), body).request_id,
              "FROM-BODY");
}

// The answers to HEAD have no body: the status is all there is.
TEST(ToError, OfHeadAnswers) {
    const struct {
        int status;
        const char* code;
        ErrorKind kind;
    } cases[] = {
        {400, "BadRequest", ErrorKind::invalid},
        {403, "Forbidden", ErrorKind::denied},
        {404, "NotFound", ErrorKind::not_found},
        {405, "MethodNotAllowed", ErrorKind::invalid},
        {412, "PreconditionFailed", ErrorKind::precondition},
        {304, "NotModified", ErrorKind::precondition},
        {500, "InternalError", ErrorKind::transient},
        {503, "ServiceUnavailable", ErrorKind::throttled},
        {418, "http_418", ErrorKind::invalid},
    };
    for (const auto& c : cases) {
        const base::Error error =
            to_error({Operation::head_object, "photos", "k"}, head_of(c.status), {});
        EXPECT_EQ(error.code, c.code);
        EXPECT_EQ(error.kind, c.kind) << c.status;
        EXPECT_EQ(error.detail, std::string("HeadObject s3://photos/k: ") + c.code);
    }
    const base::Error bare = to_error({Operation::head_object, "b", "k"}, head_of(400), {});
    EXPECT_TRUE(advise(bare).redirect_region);
    EXPECT_TRUE(advise(bare).refresh_credentials);
    EXPECT_TRUE(
        advise(to_error({Operation::head_object, "b", "k"}, head_of(403), {})).refresh_clock);
}

TEST(ToError, TellsTheRegion) {
    ErrorBody body;
    body.code = "AuthorizationHeaderMalformed";
    body.message = "the region 'us-east-1' is wrong";
    body.region = "eu-west-1";
    const ResponseHead plain = head_of(400);
    EXPECT_EQ(redirect_region(plain, body), "eu-west-1");
    EXPECT_NE(
        to_error({Operation::list_objects, "b", ""}, plain, body).detail.find("region eu-west-1"),
        std::string::npos);
    EXPECT_EQ(redirect_region(head_of(400, {{"x-amz-bucket-region", "eu-north-1"}}), body),
              "eu-north-1");
    EXPECT_EQ(redirect_region(plain, {}), "");
}

TEST(ToError, ShowsTellingElementsOnly) {
    ErrorBody body;
    body.code = "EntityTooSmall";
    body.message = "too small";
    body.extra = {{"ProposedSize", "1"}, {"PartNumber", "2"}, {"StringToSign", "AWS4..."}};
    EXPECT_EQ(to_error({Operation::complete_multipart_upload, "b", "k"}, head_of(400), body).detail,
              "CompleteMultipartUpload s3://b/k: too small (ProposedSize 1) (PartNumber 2)");
}

TEST(ToError, BoundsTextsOfThePeer) {
    ErrorBody body;
    body.code.assign(100000, 'c');
    for (int i = 0; i < 50000; ++i) body.message += "\xc3\xbc";
    body.request_id.assign(100000, 'r');
    body.extra.assign(100, {"PartNumber", std::string(1000, 'x')});
    body.extra.resize(32);
    const base::Error error = to_error({Operation::get_object, "b", "k"}, head_of(400), body);
    EXPECT_LE(error.code.size(), 100U);
    EXPECT_LE(error.request_id.size(), 100U);
    EXPECT_LE(error.detail.size(), 5000U);
}

}  // namespace
}  // namespace s3client
