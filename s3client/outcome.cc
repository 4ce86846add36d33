#include "s3client/outcome.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <optional>

#include "s3client/clip.h"

namespace s3client {
namespace {

using base::ErrorKind;

constexpr Advice kNone{};
constexpr Advice kRetry{.retry = true};
constexpr Advice kReconnect{.retry = true, .new_connection = true};
constexpr Advice kMalformed{.retry = true, .new_connection = true, .malformed = true};
constexpr Advice kBackOff{.retry = true, .throttle = true};
constexpr Advice kClock{.refresh_clock = true};
constexpr Advice kKeys{.refresh_credentials = true};
constexpr Advice kRegion{.redirect_region = true};

struct Row {
    std::string_view code;
    ErrorKind kind;
    Advice advice;
};

// Sorted by code (held by a static_assert), found by bisection.
constexpr auto kTable = std::to_array<Row>({
    {"AccessDenied", ErrorKind::denied, kNone},
    {"AccountProblem", ErrorKind::denied, kNone},
    {"AllAccessDisabled", ErrorKind::denied, kNone},
    {"AuthorizationHeaderMalformed", ErrorKind::invalid, kRegion},
    {"BadDigest", ErrorKind::corrupt, kRetry},  // bytes changed on the way
    // What a HEAD's bare 400 is called: a wrong region or an expired token look no different.
    {"BadRequest", ErrorKind::invalid, {.refresh_credentials = true, .redirect_region = true}},
    {"BandwidthLimitExceeded", ErrorKind::throttled, kBackOff},
    {"BucketAlreadyExists", ErrorKind::precondition, kNone},
    {"BucketAlreadyOwnedByYou", ErrorKind::precondition, kNone},
    {"ConditionalRequestConflict", ErrorKind::precondition, kNone},
    {"EC2ThrottledException", ErrorKind::throttled, kBackOff},
    {"EntityTooLarge", ErrorKind::exhausted, kNone},
    {"EntityTooSmall", ErrorKind::invalid, kNone},
    {"ExpiredToken", ErrorKind::denied, kKeys},
    {"ExpiredTokenException", ErrorKind::denied, kKeys},
    // A HEAD's bare 403: perhaps only the clock.
    {"Forbidden", ErrorKind::denied, kClock},
    {"IllegalLocationConstraintException", ErrorKind::invalid, kRegion},
    {"IncompleteBody", ErrorKind::transient, kReconnect},
    {"IncorrectEndpoint", ErrorKind::invalid, kRegion},
    {"InternalError", ErrorKind::transient, kRetry},
    {"InvalidAccessKeyId", ErrorKind::denied, kNone},
    {"InvalidArgument", ErrorKind::invalid, kNone},
    {"InvalidBucketName", ErrorKind::invalid, kNone},
    {"InvalidDigest", ErrorKind::invalid, kNone},
    {"InvalidObjectState", ErrorKind::invalid, kNone},  // archived: restore it first
    {"InvalidPart", ErrorKind::invalid, kNone},
    {"InvalidPartOrder", ErrorKind::invalid, kNone},
    {"InvalidRange", ErrorKind::invalid, kNone},
    {"InvalidRequest", ErrorKind::invalid, kNone},
    {"InvalidSecurity", ErrorKind::denied, kNone},
    {"InvalidStorageClass", ErrorKind::invalid, kNone},
    {"InvalidToken", ErrorKind::denied, kNone},
    {"InvalidURI", ErrorKind::invalid, kNone},
    {"KMS.DisabledException", ErrorKind::denied, kNone},
    {"KMS.KMSInvalidStateException", ErrorKind::denied, kNone},
    {"KMS.NotFoundException", ErrorKind::denied, kNone},
    {"KMS.ThrottlingException", ErrorKind::throttled, kBackOff},
    {"KeyTooLongError", ErrorKind::invalid, kNone},
    {"LimitExceededException", ErrorKind::throttled, kBackOff},
    {"MalformedXML", ErrorKind::invalid, kNone},
    {"MetadataTooLarge", ErrorKind::invalid, kNone},
    {"MethodNotAllowed", ErrorKind::invalid, kNone},
    {"MissingContentLength", ErrorKind::invalid, kNone},
    {"NoSuchBucket", ErrorKind::not_found, kNone},
    {"NoSuchKey", ErrorKind::not_found, kNone},
    {"NoSuchUpload", ErrorKind::not_found, kNone},
    {"NoSuchVersion", ErrorKind::not_found, kNone},
    {"NotFound", ErrorKind::not_found, kNone},
    {"NotImplemented", ErrorKind::invalid, kNone},
    {"NotModified", ErrorKind::precondition, kNone},
    {"OperationAborted", ErrorKind::transient, kRetry},
    {"PermanentRedirect", ErrorKind::invalid, kRegion},
    {"PreconditionFailed", ErrorKind::precondition, kNone},
    {"PriorRequestNotComplete", ErrorKind::transient, kRetry},
    {"ProvisionedThroughputExceededException", ErrorKind::throttled, kBackOff},
    {"QuotaExceeded", ErrorKind::exhausted, kNone},
    {"Redirect", ErrorKind::invalid, kRegion},
    {"RequestExpired", ErrorKind::denied, kClock},
    {"RequestLimitExceeded", ErrorKind::throttled, kBackOff},
    {"RequestThrottled", ErrorKind::throttled, kBackOff},
    {"RequestThrottledException", ErrorKind::throttled, kBackOff},
    {"RequestTimeTooSkewed", ErrorKind::denied, kClock},
    {"RequestTimeout", ErrorKind::transient, kReconnect},  // a 400: the body stalled
    {"RequestTimeoutException", ErrorKind::transient, kReconnect},
    {"ServiceUnavailable", ErrorKind::throttled, kBackOff},
    {"SignatureDoesNotMatch", ErrorKind::denied, kNone},
    {"SlowDown", ErrorKind::throttled, kBackOff},
    {"SlowDownRead", ErrorKind::throttled, kBackOff},
    {"SlowDownWrite", ErrorKind::throttled, kBackOff},
    {"TemporaryRedirect", ErrorKind::transient, kRegion},
    {"ThrottledException", ErrorKind::throttled, kBackOff},
    {"Throttling", ErrorKind::throttled, kBackOff},
    {"ThrottlingException", ErrorKind::throttled, kBackOff},
    {"TokenRefreshRequired", ErrorKind::denied, kKeys},
    {"TooManyRequests", ErrorKind::throttled, kBackOff},
    {"TooManyRequestsException", ErrorKind::throttled, kBackOff},
    {"TransactionInProgressException", ErrorKind::throttled, kBackOff},
    {"XAmzContentSHA256Mismatch", ErrorKind::corrupt, kRetry},
    {"XMinioServerNotInitialized", ErrorKind::transient, kRetry},
    {"XMinioStorageFull", ErrorKind::exhausted, kNone},
    // Our own codes. wrong_object is retried on another connection only (is_mismatch).
    {"bad_answer", ErrorKind::corrupt, kMalformed},
    {"bad_content_range", ErrorKind::corrupt, kMalformed},
    {"bad_http_response", ErrorKind::corrupt, kMalformed},
    {"bad_xml", ErrorKind::corrupt, kMalformed},
    {"body_too_large", ErrorKind::corrupt, kMalformed},
    {"connection_closed", ErrorKind::transient, kReconnect},
    {"doubtful_answer", ErrorKind::corrupt, kMalformed},
    {"no_credentials", ErrorKind::denied, kKeys},
    {"transformed_body", ErrorKind::corrupt, kNone},
    {"wrong_answer", ErrorKind::corrupt, kMalformed},
    {"wrong_checksum", ErrorKind::corrupt, kReconnect},
    {"wrong_length", ErrorKind::corrupt, kMalformed},
    {"wrong_range", ErrorKind::corrupt, kMalformed},
});
static_assert(std::ranges::is_sorted(kTable, {}, &Row::code));

struct StatusRow {
    int status;
    std::string_view code;  // the name it gets if the answer gives none
    Outcome outcome;
};
constexpr auto kStatuses = std::to_array<StatusRow>({
    {301, "PermanentRedirect", {ErrorKind::invalid, kRegion}},
    {302, "Redirect", {ErrorKind::invalid, kRegion}},
    {304, "NotModified", {ErrorKind::precondition, kNone}},
    {307, "TemporaryRedirect", {ErrorKind::transient, kRegion}},
    {308, "PermanentRedirect", {ErrorKind::invalid, kRegion}},
    {400, "BadRequest", {ErrorKind::invalid, kNone}},
    {401, "Unauthorized", {ErrorKind::denied, kNone}},
    {403, "Forbidden", {ErrorKind::denied, kNone}},
    {404, "NotFound", {ErrorKind::not_found, kNone}},
    {405, "MethodNotAllowed", {ErrorKind::invalid, kNone}},
    {408, "RequestTimeout", {ErrorKind::transient, kReconnect}},
    {409, "Conflict", {ErrorKind::precondition, kNone}},
    {410, "NotFound", {ErrorKind::not_found, kNone}},
    {412, "PreconditionFailed", {ErrorKind::precondition, kNone}},
    {416, "InvalidRange", {ErrorKind::invalid, kNone}},
    {429, "TooManyRequests", {ErrorKind::throttled, kBackOff}},
    {500, "InternalError", {ErrorKind::transient, kRetry}},
    {501, "NotImplemented", {ErrorKind::invalid, kNone}},
    {502, "BadGateway", {ErrorKind::transient, kReconnect}},
    {503, "ServiceUnavailable", {ErrorKind::throttled, kBackOff}},
    {504, "GatewayTimeout", {ErrorKind::transient, kReconnect}},
    {507, "InsufficientStorage", {ErrorKind::exhausted, kNone}},
});

const StatusRow* status_row(int status) {
    const auto found = std::ranges::find(kStatuses, status, &StatusRow::status);
    return found == kStatuses.end() ? nullptr : &*found;
}

Outcome outcome_of_status(int status) {
    if (const StatusRow* row = status_row(status)) return row->outcome;
    if (status >= 500) return {ErrorKind::transient, kRetry};
    if (status >= 300) return {ErrorKind::invalid, kNone};
    // An <Error> after a 200 with a code nobody knows: the SDKs read it as a 500.
    if (status >= 200) return {ErrorKind::transient, kRetry};
    return {};
}

// Elements of an <Error> that say what is wrong and are no secret.
constexpr std::array<std::string_view, 7> kTelling = {
    "Condition",    "PartNumber", "ProposedSize", "MinSizeAllowed",
    "StorageClass", "AccessTier", "ArgumentName"};

std::string describe(const RequestContext& context, const ErrorBody& body, std::string_view code,
                     std::string_view region) {
    std::string text = fmt::format("{} s3://{}", to_string(context.operation), context.bucket);
    if (!context.key.empty()) text.append("/").append(context.key);
    text.append(": ").append(clip(body.message.empty() ? code : body.message, 400));
    for (const auto& [name, value] : body.extra) {
        if (std::ranges::find(kTelling, name) == kTelling.end() || value.empty()) continue;
        text += fmt::format(" ({} {})", name, clip(value, 100));
    }
    if (!region.empty()) text += fmt::format(" (the bucket is in region {})", clip(region, 40));
    return text;
}

}  // namespace

Outcome classify(int http_status, std::string_view code) {
    const auto row = std::ranges::lower_bound(kTable, code, {}, &Row::code);
    if (row != kTable.end() && row->code == code) return {row->kind, row->advice};
    return outcome_of_status(http_status);
}

Advice advise(const base::Error& error) {
    Advice advice = classify(error.http_status, error.code).advice;
    // Errors of sockets and TLS carry codes of their own; their kind is the decision.
    if (error.http_status == 0 && error.kind == ErrorKind::transient) {
        advice.retry = advice.new_connection = true;
    }
    return advice;
}

bool is_mismatch(const base::Error& error) {
    constexpr std::array<std::string_view, 5> kCodes = {
        "doubtful_answer", "wrong_answer", "wrong_length", "wrong_object", "wrong_range"};
    return std::ranges::find(kCodes, error.code) != kCodes.end();
}

base::Error to_error(const RequestContext& context, const ResponseHead& head,
                     const ErrorBody& body) {
    base::Error error;
    error.http_status = head.status;
    error.code = clip(body.code, 100);
    if (error.code.empty()) {
        const StatusRow* row = status_row(head.status);
        error.code = row != nullptr ? std::string(row->code) : fmt::format("http_{}", head.status);
    }
    // Backblaze B2 says so now and then of a body that is whole.
    if (head.status == 400 && body.message.contains("body was too small"))
        error.code = "IncompleteBody";
    const Outcome outcome = classify(head.status, error.code);
    error.kind = outcome.kind;
    const std::string region =
        outcome.advice.redirect_region ? redirect_region(head, body) : std::string();
    error.detail = describe(context, body, error.code, region);
    const std::string_view id = head.get("x-amz-request-id");
    error.request_id = clip(id.empty() ? std::string_view(body.request_id) : id, 100);
    error.key = context.key.empty() ? std::string(context.bucket)
                                    : fmt::format("{}/{}", context.bucket, context.key);
    return error;
}

std::string redirect_region(const ResponseHead& head, const ErrorBody& body) {
    const std::string_view header = head.get("x-amz-bucket-region");
    return header.empty() ? body.region : std::string(header);
}

}  // namespace s3client
