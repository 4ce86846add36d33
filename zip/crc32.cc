#include "zip/crc32.h"

#include <isa-l/crc.h>
#include <array>

namespace zip {
namespace {

// Polynomials over GF(2) of degree < 32 in reflected order: bit 31 is the coefficient of x^0, bit 0
// that of x^31.
constexpr std::uint32_t kPolynomial = 0xEDB88320;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t times_x(std::uint32_t a) {
    return (a >> 1) ^ ((a & 1) != 0 ? kPolynomial : 0);
}

// a * b modulo the polynomial: one shift-and-add step per coefficient of a. Without branches on
// data.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
    std::uint32_t product = 0;
    for (int i = 31; i >= 0; --i) {
        product ^= b & (0U - ((a >> i) & 1));
        b = times_x(b);
    }
    return product;
}

// kPowers[k] = x^(8 * 2^k): appending 2^k zero bytes.
constexpr auto kPowers = [] {
    std::array<std::uint32_t, 64> powers{};
    std::uint32_t power = kOne;
    for (int i = 0; i < 8; ++i) power = times_x(power);
    for (std::uint32_t& entry : powers) {
        entry = power;
        power = multiply(power, power);
    }
    return powers;
}();

std::uint32_t zeros_factor(std::uint64_t length_bytes) {
    std::uint32_t factor = kOne;
    for (int k = 0; length_bytes != 0; ++k, length_bytes >>= 1) {
        if ((length_bytes & 1) != 0)
            factor = multiply(kPowers[static_cast<std::size_t>(k)], factor);
    }
    return factor;
}

}  // namespace

std::uint32_t crc32_update(std::uint32_t crc, base::ByteView bytes) {
    return crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::uint32_t crc32_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t length_b) {
    return multiply(zeros_factor(length_b), crc_a) ^ crc_b;
}

Crc32Combiner::Crc32Combiner(std::uint64_t length_b)
    : length_b_(length_b), factor_(zeros_factor(length_b)) {}

std::uint32_t Crc32Combiner::combine(std::uint32_t crc_a, std::uint32_t crc_b) const {
    return multiply(factor_, crc_a) ^ crc_b;
}

}  // namespace zip
