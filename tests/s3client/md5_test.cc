// MD5 and the ETags that are one.
#include "s3client/md5.h"

#include <gtest/gtest.h>

namespace s3client {
namespace {

std::string md5_of(std::initializer_list<std::string_view> pieces) {
    Md5 md5;
    for (const std::string_view piece : pieces) md5.update(base::as_bytes(piece));
    return md5.hex();
}

// https://www.rfc-editor.org/rfc/rfc1321#appendix-A.5
TEST(Md5, TheTestSuiteOfItsRfc) {
    ASSERT_TRUE(Md5::available());
    EXPECT_EQ(md5_of({}), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(md5_of({"a"}), "0cc175b9c0f1b6a831c399e269772661");
    EXPECT_EQ(md5_of({"abc"}), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(md5_of({"message", " ", "", "digest"}), "f96b697d7cb7938d525a2f31aaf161d0");
    EXPECT_EQ(md5_of({"1234567890123456789012345678901234567890123456789012345678901234567890"
                      "1234567890"}),
              "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Md5, EtagsThatHaveItsForm) {
    EXPECT_TRUE(looks_like_md5("d41d8cd98f00b204e9800998ecf8427e"));
    EXPECT_TRUE(looks_like_md5("D41D8CD98F00B204E9800998ECF8427E"));
    for (const char* etag :
         {"", "d41d8cd98f00b204e9800998ecf8427", "d41d8cd98f00b204e9800998ecf8427e-1",
          "d41d8cd98f00b204e9800998ecf8427-12", "0x8DCF5B1E5A2F4D10",
          "g41d8cd98f00b204e9800998ecf8427e", "W/d41d8cd98f00b204e9800998ecf8427e"})
        EXPECT_FALSE(looks_like_md5(etag)) << etag;
}

TEST(Md5, EtagsThatAreOpaque) {
    const auto is_opaque = [](std::string name, std::string value) {
        ResponseHead head;
        head.headers.emplace_back(std::move(name), std::move(value));
        return has_opaque_etag(head);
    };
    EXPECT_FALSE(has_opaque_etag({}));
    EXPECT_FALSE(is_opaque("x-amz-server-side-encryption", "AES256"));
    EXPECT_TRUE(is_opaque("x-amz-server-side-encryption", "aws:kms"));
    EXPECT_TRUE(is_opaque("x-amz-server-side-encryption", "aws:kms:dsse"));
    EXPECT_TRUE(is_opaque("x-amz-server-side-encryption-customer-algorithm", "AES256"));
}

}  // namespace
}  // namespace s3client
