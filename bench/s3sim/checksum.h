// Checksums and digests. CRC-32 is ISA-L's (the reflected gzip one, which is S3's CRC32), the rest
// is OpenSSL. Free functions are thread-safe; a Digest belongs to one request.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

struct evp_md_ctx_st;

namespace s3sim {

std::uint32_t crc32(std::uint32_t crc, base::ByteView bytes);
// The CRC of A followed by B, from theirs and B's length; O(log length).
std::uint32_t crc32_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t size_b);

using Sha256 = std::array<std::byte, 32>;
Sha256 sha256(std::string_view text);
Sha256 hmac_sha256(base::ByteView key, std::string_view text);
std::string md5(base::ByteView bytes);  // 16 raw bytes
std::string hex(const Sha256& digest);

enum class DigestKind : std::uint8_t { md5, sha256 };

// A digest computed while bytes arrive.
class Digest {
  public:
    explicit Digest(DigestKind kind);
    void update(base::ByteView bytes);
    std::string finish();  // raw bytes; once

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// ETags are opaque: bodies of up to kMd5EtagMax bytes get S3's (their MD5); larger ones 32 hex
// digits made of their CRC-32 and size, so that an upload is not hashed for nothing.
inline constexpr std::uint64_t kMd5EtagMax = 64 << 10;
std::string derived_etag(std::uint32_t crc, std::uint64_t size);

}  // namespace s3sim
