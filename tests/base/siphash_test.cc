#include "base/siphash.h"

#include <gtest/gtest.h>
#include <string>

namespace base {
namespace {

constexpr SipKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

// The first vectors that are published for SipHash-1-3 with the key 00 01 .. 0f, of the texts "",
// 00, 00 01, ...
TEST(SipHash, GivesThePublishedValues) {
    EXPECT_EQ(siphash13(kKey, ""), 0xabac0158050fc4dcU);
    EXPECT_EQ(siphash13(kKey, std::string_view("\0", 1)), 0xc9f49bf37d57ca93U);
    EXPECT_EQ(siphash13(kKey, std::string_view("\0\1", 2)), 0x82cb9b024dc7d44dU);
}

TEST(SipHash, DependsOnEveryByteTheLengthAndTheKey) {
    const std::string text = "0123456789abcdefghijk";
    for (std::size_t size = 0; size < text.size(); ++size) {
        const std::string some = text.substr(0, size);
        const std::uint64_t hash = siphash13(kKey, some);
        EXPECT_NE(hash, siphash13(kKey, some + '\0'));
        EXPECT_NE(hash, siphash13({kKey.low ^ 1, kKey.high}, some));
        EXPECT_NE(hash, siphash13({kKey.low, kKey.high ^ 1}, some));
        for (std::size_t i = 0; i < size; ++i) {
            std::string other = some;
            other[i] = static_cast<char>(other[i] ^ 1);
            EXPECT_NE(hash, siphash13(kKey, other));
        }
    }
    EXPECT_NE(SipKey::from_system().low, SipKey::from_system().low);
}

}  // namespace
}  // namespace base
