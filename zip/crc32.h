// CRC-32 as ZIP, zlib, gzip and S3's x-amz-checksum-crc32 define it: reflected, polynomial
// 0xEDB88320, and its combination, so that an object's CRC follows from the CRCs of its ranges in
// whatever order they arrive.
//
// Everything here is pure and safe on any thread; nothing allocates or fails. crc32_update runs
// ISA-L's SIMD kernel (the only user of that library). Combining costs one product in GF(2)[x]
// modulo the polynomial per set bit of the length (a few hundred nanoseconds); a Crc32Combiner pays
// that once for many pieces of equal length. The CRC of no bytes is 0, and crc32_update(0, ...)
// starts a new one.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace zip {

std::uint32_t crc32_update(std::uint32_t crc, base::ByteView bytes);

// The CRC of A followed by B, from their CRCs and B's length: crc(A) * x^(8 * length_b) xor crc(B).
std::uint32_t crc32_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t length_b);

// crc32_combine for one length, remembered.
class Crc32Combiner {
  public:
    explicit Crc32Combiner(std::uint64_t length_b);
    std::uint32_t combine(std::uint32_t crc_a, std::uint32_t crc_b) const;
    std::uint64_t length_b() const { return length_b_; }

  private:
    std::uint64_t length_b_;
    std::uint32_t factor_;  // x^(8 * length_b) modulo the polynomial
};

}  // namespace zip
