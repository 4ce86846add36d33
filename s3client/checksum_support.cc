#include "s3client/checksum_support.h"

#include <algorithm>
#include <string_view>

#include "base/log.h"

namespace s3client {

void ChecksumSupport::learn(Checking seen, const std::string& endpoint) {
    if (seen == state_ || state_ == Checking::refused) return;
    state_ = seen;
    if (seen == Checking::checked) return;
    base::log_warn(
        "this store does not check what it is sent; archives are as good as the way to it",
        {{"endpoint", endpoint}, {"checksums", seen == Checking::refused ? "refused" : "ignored"}});
}

bool refuses_checksums(const base::Error& error) {
    if (error.http_status != 400 && error.http_status != 501) return false;
    if (error.code != "InvalidArgument" && error.code != "InvalidRequest" &&
        error.code != "NotImplemented")
        return false;
    std::string text = error.detail;
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text.contains("x-amz-checksum") || text.contains("checksum-algorithm") ||
           text.contains("mp-object-size");
}

void drop_checksums(HttpRequest& request) {
    std::erase_if(request.headers, [](const NameValue& header) {
        return header.first.starts_with("x-amz-checksum-") ||
               header.first == "x-amz-mp-object-size";
    });
}

}  // namespace s3client
