#include "s3sim/checksum.h"

#include <fmt/format.h>
#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <algorithm>

#include "base/check.h"
#include "base/encoding.h"

namespace s3sim {
namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320;  // reflected; x^0 is the top bit

// a * b mod P, in the reflected representation.
std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
    std::uint32_t product = 0;
    for (std::uint32_t bit = 0x80000000U; bit != 0; bit >>= 1) {
        if ((a & bit) != 0) product ^= b;
        b = (b & 1) != 0 ? (b >> 1) ^ kPolynomial : b >> 1;
    }
    return product;
}

const EVP_MD* sha256_md() {
    static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return md;
}
const EVP_MD* md5_md() {
    static const EVP_MD* const md = EVP_MD_fetch(nullptr, "MD5", nullptr);
    return md;
}

EVP_MD_CTX* thread_context() {
    thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    return context.get();
}

Sha256 sha256_of(base::ByteView first, base::ByteView second) {
    Sha256 out{};
    EVP_MD_CTX* context = thread_context();
    CHECK(EVP_DigestInit_ex2(context, sha256_md(), nullptr) == 1);
    CHECK(EVP_DigestUpdate(context, first.data(), first.size()) == 1);
    CHECK(EVP_DigestUpdate(context, second.data(), second.size()) == 1);
    CHECK(EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(out.data()), nullptr) == 1);
    return out;
}

}  // namespace

std::uint32_t crc32(std::uint32_t crc, base::ByteView bytes) {
    return crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::uint32_t crc32_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t size_b) {
    std::uint32_t shift = 0x80000000U;  // x^0
    std::uint32_t power = 0x00800000U;  // x^8: one byte
    for (std::uint64_t n = size_b; n != 0; n >>= 1) {
        if ((n & 1) != 0) shift = multiply(shift, power);
        power = multiply(power, power);
    }
    return multiply(shift, crc_a) ^ crc_b;
}

Sha256 sha256(std::string_view text) { return sha256_of(base::as_bytes(text), {}); }

Sha256 hmac_sha256(base::ByteView key, std::string_view text) {
    std::array<std::byte, 64> inner{};
    std::array<std::byte, 64> outer{};
    Sha256 short_key{};
    if (key.size() > inner.size()) {
        short_key = sha256_of(key, {});
        key = short_key;
    }
    std::copy(key.begin(), key.end(), inner.begin());
    outer = inner;
    for (auto& byte : inner) byte ^= std::byte{0x36};
    for (auto& byte : outer) byte ^= std::byte{0x5c};
    const Sha256 digest = sha256_of(inner, base::as_bytes(text));
    return sha256_of(outer, digest);
}

std::string md5(base::ByteView bytes) {
    Digest digest(DigestKind::md5);
    digest.update(bytes);
    return digest.finish();
}

std::string hex(const Sha256& digest) { return base::hex(digest); }

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest(DigestKind kind) : context_(EVP_MD_CTX_new()) {
    CHECK(EVP_DigestInit_ex2(context_.get(), kind == DigestKind::md5 ? md5_md() : sha256_md(),
                             nullptr) == 1);
}

void Digest::update(base::ByteView bytes) {
    CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    CHECK(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1);
    return {reinterpret_cast<const char*>(out.data()), size};
}

std::string derived_etag(std::uint32_t crc, std::uint64_t size) {
    return fmt::format("{:08x}{:08x}{:016x}", crc, ~crc, size);
}

}  // namespace s3sim
