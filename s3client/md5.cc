#include "s3client/md5.h"

#include <openssl/evp.h>
#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/encoding.h"

namespace s3client {
namespace {

constexpr std::size_t kMd5Bytes = 16;

struct FreeDigest {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
};
struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Null where the providers that are loaded have none.
const EVP_MD* algorithm() {
    static const std::unique_ptr<EVP_MD, FreeDigest> found(EVP_MD_fetch(nullptr, "MD5", nullptr));
    return found.get();
}

}  // namespace

struct Md5::Impl {
    std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
};

bool Md5::available() { return algorithm() != nullptr; }

Md5::Md5() : impl_(std::make_unique<Impl>()) {
    CHECK(impl_->context != nullptr);
    CHECK(EVP_DigestInit_ex2(impl_->context.get(), algorithm(), nullptr) == 1);
}

Md5::~Md5() = default;

void Md5::update(base::ByteView bytes) {
    CHECK(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Md5::hex() {
    std::array<std::byte, kMd5Bytes> digest{};
    CHECK(EVP_DigestFinal_ex(impl_->context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                             nullptr) == 1);
    return base::hex(digest);
}

bool looks_like_md5(std::string_view etag) {
    return etag.size() == 2 * kMd5Bytes && std::ranges::all_of(etag, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
           });
}

bool has_opaque_etag(const ResponseHead& head) {
    return head.get("x-amz-server-side-encryption").starts_with("aws:kms") ||
           head.find("x-amz-server-side-encryption-customer-algorithm") != nullptr;
}

}  // namespace s3client
