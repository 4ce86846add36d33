#include "archive/access_hint.h"

#include <fmt/format.h>

namespace archive {

base::Error with_access_hint(base::Error error, const s3client::Access& access) {
    // The 400 of a HEAD, which has no body, or S3's code for keys that are missing or not wanted.
    // Writes are refused with the same codes for other reasons.
    const bool reads = error.detail.contains("HeadObject") || error.detail.contains("GetObject");
    const bool about_key = reads && (error.code == "BadRequest" || error.code == "InvalidRequest");
    if (error.http_status == 400 && about_key) {
        error.detail += access.customer_key
                            ? " (is it encrypted with the customer key that the request has?)"
                            : " (is it encrypted with a customer key, which the request lacks?)";
    } else if (error.code == "AccessDenied" || error.code == "Forbidden") {
        if (!access.expected_bucket_owner.empty()) {
            error.detail += fmt::format(" (is the bucket's owner {}, as the request expects?)",
                                        access.expected_bucket_owner);
        }
        if (access.customer_key) error.detail += " (is the customer key of the request its own?)";
        if (!access.requester_pays)
            error.detail += " (if its requesters pay, the request must say requester_pays)";
    }
    return error;
}

}  // namespace archive
