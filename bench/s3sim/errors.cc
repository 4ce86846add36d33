#include "s3sim/errors.h"

#include <algorithm>
#include <array>

#include "s3sim/xml.h"

namespace s3sim {
namespace {

struct Known {
    std::string_view code;
    int status;
    std::string_view message;
};

constexpr std::array kKnown = {
    Known{"AccessDenied", 403, "Access Denied"},
    Known{"AuthorizationHeaderMalformed", 400, "The authorization header you provided is invalid."},
    Known{"AuthorizationQueryParametersError", 400,
          "The query parameters of the signature are invalid."},
    Known{"BadDigest", 400,
          "The Content-MD5 or checksum value that you specified did not match what the server "
          "received."},
    Known{"BucketAlreadyOwnedByYou", 409,
          "Your previous request to create the named bucket succeeded and you already own it."},
    Known{"BucketNotEmpty", 409, "The bucket you tried to delete is not empty."},
    Known{"ConditionalRequestConflict", 409,
          "A conflicting operation occurred. If using PutObject you can retry the request. If "
          "using multipart upload you should initiate another CreateMultipartUpload request and "
          "re-upload each part."},
    Known{"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
    Known{"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"},
    Known{"IncompleteBody", 400,
          "You did not provide the number of bytes specified by the Content-Length HTTP header."},
    Known{"ExpiredToken", 400, "The provided token has expired."},
    Known{"InternalError", 500, "We encountered an internal error. Please try again."},
    Known{"InsufficientStorage", 507, "The simulator's memory limit does not hold this body."},
    Known{"IllegalVersioningConfigurationException", 400,
          "The Versioning element must be specified"},
    Known{"InvalidAccessKeyId", 403,
          "The AWS Access Key Id you provided does not exist in our records."},
    Known{"InvalidBucketName", 400, "The specified bucket is not valid."},
    Known{"InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
    Known{"InvalidObjectState", 403, "The operation is not valid for the object's storage class"},
    Known{"InvalidPart", 400,
          "One or more of the specified parts could not be found. The part may not have been "
          "uploaded, or the specified entity tag may not match the part's entity tag."},
    Known{"InvalidPartOrder", 400,
          "The list of parts was not in ascending order. Parts must be ordered by part number."},
    Known{"InvalidRange", 416, "The requested range is not satisfiable"},
    Known{"InvalidToken", 400, "The provided token is malformed or otherwise invalid."},
    Known{"KeyTooLongError", 400, "Your key is too long"},
    Known{"MalformedXML", 400,
          "The XML you provided was not well-formed or did not validate against our published "
          "schema"},
    Known{"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    Known{"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    Known{"NoSuchBucket", 404, "The specified bucket does not exist"},
    Known{"NoSuchKey", 404, "The specified key does not exist."},
    Known{"NoSuchUpload", 404,
          "The specified upload does not exist. The upload ID may be invalid, or the upload may "
          "have been aborted or completed."},
    Known{"NoSuchVersion", 404, "The specified version does not exist."},
    Known{"NotImplemented", 501,
          "A header you provided implies functionality that is not implemented"},
    Known{"PreconditionFailed", 412,
          "At least one of the pre-conditions you specified did not hold"},
    Known{"RequestTimeTooSkewed", 403,
          "The difference between the request time and the current time is too large."},
    Known{"RequestTimeout", 400,
          "Your socket connection to the server was not read from or written to within the timeout "
          "period."},
    Known{"RestoreAlreadyInProgress", 409, "Object restore is already in progress"},
    Known{"ServiceUnavailable", 503, "Service is unable to handle request."},
    Known{"SignatureDoesNotMatch", 403,
          "The request signature we calculated does not match the signature you provided. Check "
          "your key and signing method."},
    Known{"SlowDown", 503, "Please reduce your request rate."},
    Known{"XAmzContentSHA256Mismatch", 400,
          "The provided 'x-amz-content-sha256' header does not match what was computed."},
};

}  // namespace

std::unexpected<Refusal> refuse(int status, std::string_view code, std::string message,
                                std::vector<std::pair<std::string, std::string>> extra) {
    return std::unexpected(
        Refusal{status, std::string(code), std::move(message), std::move(extra)});
}

Refusal known_refusal(std::string_view code) {
    const auto at = std::ranges::find(kKnown, code, &Known::code);
    if (at == kKnown.end())
        return {500, std::string(code), "We encountered an internal error.", {}};
    return {at->status, std::string(code), std::string(at->message), {}};
}

std::unexpected<Refusal> refuse(std::string_view code,
                                std::vector<std::pair<std::string, std::string>> extra) {
    Refusal refusal = known_refusal(code);
    refusal.extra = std::move(extra);
    return std::unexpected(std::move(refusal));
}

Refusal refusal_of(const base::Error& error) {
    if (error.code == "InsufficientStorage") return known_refusal(error.code);
    return {500, "InternalError", error.detail, {}};
}

std::string error_xml(const Refusal& refusal, std::string_view resource,
                      std::string_view request_id) {
    XmlWriter xml;
    xml.open("Error").text("Code", refusal.code).text("Message", refusal.message);
    for (const auto& [name, value] : refusal.extra) xml.text(name, value);
    xml.text("Resource", resource).text("RequestId", request_id).close("Error");
    return xml.finish();
}

}  // namespace s3sim
