#include "s3client/access.h"

#include <openssl/evp.h>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "base/encoding.h"

namespace s3client {
namespace {

constexpr std::size_t kKeyBytes = 32;  // AES256

bool takes_customer_key(Operation operation) {
    switch (operation) {
        case Operation::list_objects:
        case Operation::list_multipart_uploads:
        case Operation::abort_multipart_upload: return false;
        default: return true;
    }
}

}  // namespace

base::Result<CustomerKey> CustomerKey::parse(std::string_view base64) {
    const auto key = base::base64_decode(base64);
    if (!key || key->size() != kKeyBytes) {
        return base::fail(base::ErrorKind::invalid, "bad_customer_key",
                          "a customer key is the base64 of 32 bytes");
    }
    std::array<std::byte, 16> md5;
    CHECK(EVP_Digest(key->data(), key->size(), reinterpret_cast<unsigned char*>(md5.data()),
                     nullptr, EVP_md5(), nullptr) == 1);
    return CustomerKey(base::base64(base::as_bytes(*key)), base::base64(md5));
}

bool Access::operator==(const Access& other) const {
    const bool same_key = customer_key && other.customer_key ? *customer_key == *other.customer_key
                                                             : customer_key == other.customer_key;
    return same_key && requester_pays == other.requester_pays &&
           expected_bucket_owner == other.expected_bucket_owner;
}

std::vector<NameValue> access_query(const Access& access) {
    std::vector<NameValue> query;
    if (access.requester_pays) query.emplace_back("x-amz-request-payer", "requester");
    if (!access.expected_bucket_owner.empty())
        query.emplace_back("x-amz-expected-bucket-owner", access.expected_bucket_owner);
    return query;
}

void set_access(HttpRequest& request, Operation operation, const Access& access) {
    for (auto& [name, value] : access_query(access)) request.set_header(name, std::move(value));
    if (access.customer_key && takes_customer_key(operation)) {
        constexpr std::string_view kPrefix = "x-amz-server-side-encryption-customer-";
        const auto set = [&](std::string_view name, std::string value) {
            request.set_header(std::string(kPrefix).append(name), std::move(value));
        };
        set("algorithm", "AES256");
        set("key", access.customer_key->base64());
        set("key-md5", access.customer_key->md5_base64());
    }
}

}  // namespace s3client
