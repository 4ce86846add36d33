#include "zip/crc32.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/random.h"

namespace zip {
namespace {

std::uint32_t crc_of(std::string_view text) { return crc32_update(0, base::as_bytes(text)); }

std::string random_bytes(base::Random& random, std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random.next());
    return text;
}

TEST(Crc32, KnownValues) {
    EXPECT_EQ(crc_of(""), 0U);
    EXPECT_EQ(crc_of("123456789"), 0xCBF43926U);
    EXPECT_EQ(crc32_update(0x12345678, {}), 0x12345678U);
}

TEST(Crc32, EqualsZlibForEveryLengthAndAlignmentNearSimdBlocks) {
    base::Random random(1);
    const std::string data = random_bytes(random, 1200);
    for (std::size_t size = 0; size <= 1100; size += size < 300 ? 1 : 37) {
        for (std::size_t at : {0, 1, 7, 16, 63}) {
            const std::string_view piece = std::string_view(data).substr(at, size);
            const auto* bytes = reinterpret_cast<const Bytef*>(piece.data());
            ASSERT_EQ(crc_of(piece), ::crc32(0, bytes, static_cast<uInt>(size)))
                << size << " at " << at;
        }
    }
}

TEST(Crc32, UpdateContinues) {
    base::Random random(2);
    const std::string data = random_bytes(random, 5000);
    for (std::size_t cut : {0, 1, 15, 16, 17, 4096, 4999, 5000}) {
        const std::string_view view = data;
        const std::uint32_t head = crc_of(view.substr(0, cut));
        EXPECT_EQ(crc32_update(head, base::as_bytes(view.substr(cut))), crc_of(view));
    }
}

TEST(Crc32Combine, EqualsTheCrcOfBothParts) {
    base::Random random(3);
    for (int i = 0; i < 200; ++i) {
        const std::string a = random_bytes(random, random.below(300));
        const std::string b = random_bytes(random, random.below(3000));
        EXPECT_EQ(crc32_combine(crc_of(a), crc_of(b), b.size()), crc_of(a + b));
    }
    EXPECT_EQ(crc32_combine(crc_of("a"), crc_of(""), 0), crc_of("a"));
    EXPECT_EQ(crc32_combine(crc_of(""), crc_of("a"), 1), crc_of("a"));
}

TEST(Crc32Combine, EqualsZlibForAllLengths) {
    base::Random random(4);
    std::vector<std::uint64_t> lengths = {
        0, 1, 2, 7, 8, 0xFFFFFFFF, 0x100000000, 0x100000001, 40ULL << 30, 50ULL << 40};
    for (int i = 0; i < 500; ++i) lengths.push_back(random.next() >> (1 + random.below(62)));
    for (const std::uint64_t length : lengths) {
        const auto a = static_cast<std::uint32_t>(random.next());
        const auto b = static_cast<std::uint32_t>(random.next());
        const auto expected =
            static_cast<std::uint32_t>(::crc32_combine64(a, b, static_cast<z_off64_t>(length)));
        ASSERT_EQ(crc32_combine(a, b, length), expected) << length;
        ASSERT_EQ(Crc32Combiner(length).combine(a, b), expected) << length;
        ASSERT_EQ(Crc32Combiner(length).length_b(), length);
    }
}

// Values that S3 answered to an upload of three parts of 'a' with FULL_OBJECT checksums.
TEST(Crc32Combine, AgreesWithWhatS3Recorded) {
    const std::uint32_t large = crc_of(std::string(5'242'881, 'a'));
    const std::uint32_t small = crc_of(std::string(10, 'a'));
    EXPECT_EQ(base::crc32_base64(large), "NRU+Sw==");
    EXPECT_EQ(base::crc32_base64(small), "TBHN8A==");
    const std::uint32_t two = crc32_combine(large, large, 5'242'881);
    EXPECT_EQ(base::crc32_base64(crc32_combine(two, small, 10)), "qSEQSA==");
}

}  // namespace
}  // namespace zip
