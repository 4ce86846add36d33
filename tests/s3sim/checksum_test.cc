#include "s3sim/checksum.h"

#include <gtest/gtest.h>
#include <string>

#include "base/encoding.h"

namespace s3sim {
namespace {

std::uint32_t crc_of(std::string_view text) { return crc32(0, base::as_bytes(text)); }

TEST(Checksum, Crc32IsTheOneOfZip) {
    EXPECT_EQ(crc_of("123456789"), 0xCBF43926U);
    EXPECT_EQ(crc_of(""), 0U);
}

// Recorded from AWS: parts of 5242881, 5242881 and 10 times 'a'.
TEST(Checksum, CombineGivesWhatS3Gives) {
    const std::uint32_t big = crc_of(std::string(5242881, 'a'));
    const std::uint32_t small = crc_of(std::string(10, 'a'));
    EXPECT_EQ(base::crc32_base64(big), "NRU+Sw==");
    EXPECT_EQ(base::crc32_base64(small), "TBHN8A==");
    const std::uint32_t whole = crc32_combine(crc32_combine(big, big, 5242881), small, 10);
    EXPECT_EQ(base::crc32_base64(whole), "qSEQSA==");
    EXPECT_EQ(crc32_combine(whole, 0, 0), whole);
    EXPECT_EQ(crc32_combine(0, big, 5242881), big);
}

TEST(Checksum, Digests) {
    EXPECT_EQ(hex(sha256("abc")),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(base::hex(base::as_bytes(md5(base::as_bytes("abc")))),
              "900150983cd24fb0d6963f7d28e17f72");
    // RFC 4231, cases 2 and 6 (a key longer than the block).
    EXPECT_EQ(hex(hmac_sha256(base::as_bytes("Jefe"), "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(hmac_sha256(base::as_bytes(std::string(131, '\xaa')),
                              "Test Using Larger Than Block-Size Key - Hash Key First")),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace s3sim
