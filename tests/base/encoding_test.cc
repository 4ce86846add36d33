#include "base/encoding.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/bytes.h"
#include "base/random.h"

namespace base {
namespace {

TEST(Hex, IsLowerCaseAndKeepsEveryByte) {
    const std::array<std::byte, 4> bytes = {std::byte{0x00}, std::byte{0x0F}, std::byte{0xAB},
                                            std::byte{0xFF}};
    EXPECT_EQ(hex(bytes), "000fabff");
    EXPECT_EQ(hex({}), "");
}

// RFC 4648, section 10.
TEST(Base64, EncodesTheVectorsOfTheRfc) {
    EXPECT_EQ(base64(as_bytes("")), "");
    EXPECT_EQ(base64(as_bytes("f")), "Zg==");
    EXPECT_EQ(base64(as_bytes("fo")), "Zm8=");
    EXPECT_EQ(base64(as_bytes("foo")), "Zm9v");
    EXPECT_EQ(base64(as_bytes("foob")), "Zm9vYg==");
    EXPECT_EQ(base64(as_bytes("fooba")), "Zm9vYmE=");
    EXPECT_EQ(base64(as_bytes("foobar")), "Zm9vYmFy");
}

TEST(Base64, DecodesWhatItEncodes) {
    Random random(7);
    for (std::size_t size = 0; size < 100; ++size) {
        std::string bytes;
        for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.below(256));
        const auto back = base64_decode(base64(as_bytes(bytes)));
        ASSERT_TRUE(back.has_value());
        EXPECT_EQ(*back, bytes);
    }
}

TEST(Base64, RefusesWhatIsNotBase64) {
    for (const char* text :
         {"Zg=", "Z", "Zm9v!mFy", "Zg==Zg==", "====", "Z===", "Zg=A", "Zm 9", "Zh==", "Zm9="}) {
        const auto bytes = base64_decode(text);
        ASSERT_FALSE(bytes.has_value()) << text;
        EXPECT_EQ(bytes.error().kind, ErrorKind::invalid);
    }
}

TEST(PercentEncoding, KeepsOnlyTheUnreservedCharacters) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    std::string kept;
    const std::string encoded = percent_encode(all, false);
    for (std::size_t i = 0; i < encoded.size(); ++i) {
        if (encoded[i] == '%') {
            i += 2;
        } else {
            kept += encoded[i];
        }
    }
    EXPECT_EQ(kept, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
    EXPECT_EQ(percent_decode(encoded).value(), all);
}

TEST(PercentEncoding, IsUpperCaseHexOfEachByteOfUtf8) {
    EXPECT_EQ(percent_encode("a b/ü+*", true), "a%20b/%C3%BC%2B%2A");
    EXPECT_EQ(percent_encode("a b/ü+*", false), "a%20b%2F%C3%BC%2B%2A");
}

TEST(PercentEncoding, DecodesAPlusOnlyWhenAsked) {
    EXPECT_EQ(percent_decode("a+b%20c").value(), "a+b c");
    EXPECT_EQ(percent_decode("a+b%20c", true).value(), "a b c");
    EXPECT_EQ(percent_decode("%c3%BC").value(), "ü");
}

TEST(PercentEncoding, RefusesACutOrStrangeEscape) {
    for (const char* text : {"%", "%4", "a%", "a%4", "%4G", "%G4", "%%41"}) {
        EXPECT_FALSE(percent_decode(text).has_value()) << text;
    }
}

// The CRC-32 of "123456789" is CBF43926 (the check value of its catalogue entry).
TEST(Crc32Base64, IsBigEndian) {
    EXPECT_EQ(crc32_base64(0xCBF43926), "y/Q5Jg==");
    EXPECT_EQ(crc32_base64(0), "AAAAAA==");
}

TEST(Bytes, StoresLittleEndianAndLoadsItBack) {
    std::array<std::byte, 15> at{};
    std::byte* end = store_le<std::uint8_t>(at.data(), 0xFE);
    end = store_le<std::uint16_t>(end, 0x0102);
    end = store_le<std::uint32_t>(end, 0xA1B2C3D4);
    end = store_le<std::uint64_t>(end, 0x1122334455667788);
    EXPECT_EQ(end, at.data() + at.size());
    EXPECT_EQ(hex(at), "fe0201d4c3b2a18877665544332211");
    EXPECT_EQ(load_le<std::uint16_t>(at.data() + 1), 0x0102);
    EXPECT_EQ(load_le<std::uint32_t>(at.data() + 3), 0xA1B2C3D4U);
    EXPECT_EQ(load_le<std::uint64_t>(at.data() + 7), 0x1122334455667788U);
}

}  // namespace
}  // namespace base
