// CopyObject.
#include <fmt/format.h>

#include "client.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

class CopyTest : public ServerTest {
  protected:
    void SetUp() override {
        Options options;
        options.synthetic["src"] = "count=1,size=100000";
        options.versioned = {"versions"};
        start(options);
        ASSERT_EQ(client
                      ->call("PUT", "/bkt/a%20b", {}, "hello",
                             {{"content-type", "text/plain"},
                              {"x-amz-meta-m", "1"},
                              {"x-amz-tagging", "t=1"},
                              {"x-amz-checksum-crc32", crc_base64("hello")}})
                      .status,
                  200);
    }
    Answer copy(Headers headers = {}, std::string_view target = "/bkt/z",
                std::string_view source = "bkt/a%20b") {
        headers.emplace_back("x-amz-copy-source", source);
        return client->call("PUT", target, {}, {}, std::move(headers));
    }
    Answer head(std::string_view path = "/bkt/z") {
        return client->call("HEAD", path, {}, {}, {{"x-amz-checksum-mode", "ENABLED"}});
    }
};

TEST_F(CopyTest, TheBytesAndWhatIsSaidOfThem) {
    const Answer done = copy();
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(done.xml("ETag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    EXPECT_EQ(done.xml("ChecksumCRC32"), crc_base64("hello"));
    EXPECT_EQ(done.xml("ChecksumType"), "FULL_OBJECT");
    EXPECT_EQ(done.xml("LastModified").size(), 24U);
    EXPECT_EQ(server->get("bkt", "z"), "hello");
    const Answer said = head();
    EXPECT_EQ(said.headers.at("content-type"), "text/plain");
    EXPECT_EQ(said.headers.at("x-amz-meta-m"), "1");
    EXPECT_EQ(said.headers.at("x-amz-tagging-count"), "1");
    EXPECT_EQ(said.headers.at("x-amz-checksum-crc32"), crc_base64("hello"));
    EXPECT_EQ(server->stats().count("CopyObject"), 1U);
}

TEST_F(CopyTest, DirectivesAndAlgorithms) {
    ASSERT_EQ(copy({{"x-amz-metadata-directive", "REPLACE"},
                    {"x-amz-tagging-directive", "REPLACE"},
                    {"x-amz-meta-n", "2"},
                    {"x-amz-storage-class", "STANDARD_IA"},
                    {"x-amz-checksum-algorithm", "SHA256"}})
                  .status,
              200);
    const Answer said = head();
    EXPECT_FALSE(said.headers.contains("x-amz-meta-m"));
    EXPECT_FALSE(said.headers.contains("x-amz-tagging-count"));
    EXPECT_EQ(said.headers.at("x-amz-meta-n"), "2");
    EXPECT_EQ(said.headers.at("x-amz-storage-class"), "STANDARD_IA");
    EXPECT_EQ(said.headers.at("x-amz-checksum-sha256"),
              "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    EXPECT_EQ(copy({{"x-amz-metadata-directive", "MERGE"}}).code(), "InvalidArgument");
    EXPECT_EQ(copy({{"x-amz-tagging-directive", "MERGE"}}).code(), "InvalidArgument");
    EXPECT_EQ(copy({{"x-amz-checksum-algorithm", "MD6"}}).status, 501);
    EXPECT_EQ(copy({{"x-amz-copy-source-range", "bytes=0-1"}}).code(), "InvalidArgument");
}

TEST_F(CopyTest, ACompositeChecksumBecomesThatOfTheObject) {
    const std::string id = create("parts", {{"x-amz-checksum-algorithm", "CRC32"}});
    const Answer sent = client->call("PUT", "/bkt/parts", "partNumber=1&uploadId=" + id, "hello",
                                     {{"x-amz-checksum-crc32", crc_base64("hello")}});
    const Answer made =
        client->call("POST", "/bkt/parts", "uploadId=" + id,
                     complete_xml({part_xml(1, sent.headers.at("etag"), crc_base64("hello"))}));
    ASSERT_TRUE(made.xml("ChecksumCRC32").ends_with("-1"));
    const Answer done = copy({}, "/bkt/z", "bkt/parts");
    EXPECT_EQ(done.xml("ChecksumCRC32"), crc_base64("hello"));
    EXPECT_EQ(done.xml("ETag"), "\"5d41402abc4b2a76b9719d911017c592\"");
}

TEST_F(CopyTest, Conditions) {
    const auto status = [&](std::string_view name, std::string_view value) {
        return copy({{std::string(name), std::string(value)}}).status;
    };
    const std::string etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    EXPECT_EQ(status("x-amz-copy-source-if-match", etag), 200);
    EXPECT_EQ(status("x-amz-copy-source-if-match", "\"other\""), 412);
    EXPECT_EQ(status("x-amz-copy-source-if-none-match", etag), 412);
    EXPECT_EQ(status("x-amz-copy-source-if-unmodified-since", "Mon, 01 Jan 2001 00:00:00 GMT"),
              412);
    EXPECT_EQ(status("x-amz-copy-source-if-modified-since", "Mon, 01 Jan 2001 00:00:00 GMT"), 200);
    EXPECT_EQ(status("if-none-match", "*"), 412) << "of the target";
    EXPECT_EQ(status("if-match", etag), 200);
    EXPECT_EQ(status("if-match", "\"other\""), 412);
    ASSERT_TRUE(server->remove("bkt", "z"));
    EXPECT_EQ(status("if-none-match", "*"), 200);
}

TEST_F(CopyTest, SourcesAndTargets) {
    EXPECT_EQ(copy({}, "/bkt/z", "bkt/none").code(), "NoSuchKey");
    EXPECT_EQ(copy({}, "/bkt/z", "none/none").code(), "NoSuchBucket");
    EXPECT_EQ(copy({}, "/bkt/z", "bkt").code(), "InvalidArgument");
    EXPECT_EQ(copy({}, "/src/z").code(), "MethodNotAllowed") << "read-only";
    EXPECT_EQ(copy({}, "/bkt/a%20b").code(), "InvalidRequest") << "onto itself";
    EXPECT_EQ(copy({{"x-amz-metadata-directive", "REPLACE"}}, "/bkt/a%20b").status, 200);
    EXPECT_FALSE(head("/bkt/a%20b").headers.contains("x-amz-meta-m"));
    const std::string key = server->keys("src").front();
    ASSERT_EQ(copy({}, "/bkt/large", "src/" + key).status, 200);
    EXPECT_TRUE(server->get("bkt", "large") == server->get("src", key).value());
}

TEST_F(CopyTest, Versions) {
    const Answer first = copy({}, "/versions/k");
    const std::string version = first.headers.at("x-amz-version-id");
    ASSERT_EQ(client->call("PUT", "/versions/k", {}, "newer").status, 200);
    const Answer back = copy({}, "/versions/k", "versions/k?versionId=" + version);
    ASSERT_EQ(back.status, 200) << back.body;
    EXPECT_EQ(back.headers.at("x-amz-copy-source-version-id"), version);
    EXPECT_NE(back.headers.at("x-amz-version-id"), version);
    EXPECT_EQ(server->get("versions", "k"), "hello");
}

}  // namespace
}  // namespace s3sim::test
