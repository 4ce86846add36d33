#include "archive/presigned.h"

#include "s3client/access.h"
#include "s3client/endpoint.h"
#include "s3client/sigv4.h"

namespace archive {

base::Result<std::string> presign_with(const s3client::ClientConfig& client,
                                       const std::string& region, const PresignRequest& what,
                                       const s3client::Credentials& keys) {
    if (what.access.customer_key) {
        return base::fail(base::ErrorKind::invalid, "customer_key",
                          "an object with a customer's key can only be read with headers that "
                          "carry it, not by a URL alone");
    }
    const auto endpoint = s3client::endpoint_in_region(client.endpoint, client.region, region);
    if (!endpoint) return std::unexpected(endpoint.error());
    auto target = s3client::resolve(*endpoint, client.addressing, what.bucket, what.key);
    if (!target) return std::unexpected(target.error());
    s3client::HttpRequest request;
    request.host = target->host_header;
    request.path = target->path;
    request.query = s3client::access_query(what.access);
    s3client::Signer signer;
    return signer.presign(std::move(request), client.endpoint.scheme(), keys, region,
                          what.expires_s, base::system_clock().utc_now());
}

}  // namespace archive
