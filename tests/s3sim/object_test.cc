// PutObject, GetObject, HeadObject, DeleteObject over the wire.
#include <fmt/format.h>

#include "base/encoding.h"
#include "client.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

class ObjectTest : public ServerTest {
  protected:
    void SetUp() override { start(); }
    Answer get(std::string_view key, Headers headers = {}, std::string_view query = {}) {
        return client->call("GET", "/bkt/" + std::string(key), query, {}, std::move(headers));
    }
};

TEST_F(ObjectTest, WhatIsPutIsGot) {
    const Answer put = client->call("PUT", "/bkt/a%20b/%C3%BC%2B.txt", {}, "hello",
                                    {{"cache-control", "no-cache"},
                                     {"content-type", "text/plain"},
                                     {"x-amz-meta-colour", "red"},
                                     {"x-amz-server-side-encryption", "AES256"},
                                     {"x-amz-storage-class", "STANDARD_IA"},
                                     {"x-amz-tagging", "a=b&c%20d=e"}});
    ASSERT_EQ(put.status, 200) << put.body;
    EXPECT_EQ(put.headers.at("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    EXPECT_EQ(put.headers.at("x-amz-server-side-encryption"), "AES256");
    const Answer got = get("a%20b/%C3%BC%2B.txt");
    EXPECT_EQ(got.body, "hello");
    EXPECT_EQ(got.headers.at("content-type"), "text/plain");
    EXPECT_EQ(got.headers.at("cache-control"), "no-cache");
    EXPECT_EQ(got.headers.at("x-amz-meta-colour"), "red");
    EXPECT_EQ(got.headers.at("x-amz-storage-class"), "STANDARD_IA");
    EXPECT_EQ(got.headers.at("x-amz-tagging-count"), "2");
    EXPECT_EQ(got.headers.at("etag"), put.headers.at("etag"));
    EXPECT_FALSE(got.headers.at("date").empty());
    EXPECT_EQ(got.headers.at("x-amz-request-id").size(), 16U);
    EXPECT_EQ(get("a%20b/%C3%BC%2B.txt", {}, "tagging=").all("Key"),
              (std::vector<std::string>{"a", "c d"}));
    const auto info = server->head("bkt", "a b/ü+.txt");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->metadata.at("colour"), "red");
    EXPECT_EQ(info->crc32, crc32(0, base::as_bytes("hello")));
    const Answer head = client->call("HEAD", "/bkt/a%20b/%C3%BC%2B.txt");
    EXPECT_EQ(head.headers.at("content-length"), "5");
    EXPECT_EQ(client->call("DELETE", "/bkt/a%20b/%C3%BC%2B.txt").status, 204);
    EXPECT_EQ(client->call("DELETE", "/bkt/a%20b/%C3%BC%2B.txt").status, 204);
    EXPECT_EQ(get("a%20b/%C3%BC%2B.txt").code(), "NoSuchKey");
}

TEST_F(ObjectTest, MegabytesGoThroughUnchanged) {
    std::string bytes(3 << 20, 'x');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 2654435761U >> 13);
    ASSERT_EQ(client->call("PUT", "/bkt/big", {}, bytes).status, 200);
    EXPECT_TRUE(get("big").body == bytes);
    EXPECT_TRUE(server->get("bkt", "big") == bytes);
    EXPECT_TRUE(get("big", {{"range", "bytes=1000000-2000000"}}).body ==
                bytes.substr(1000000, 1000001));
    EXPECT_EQ(server->stats().bytes_in, bytes.size());
    EXPECT_EQ(server->stats().bytes_out, bytes.size() + 1000001);
}

TEST_F(ObjectTest, Ranges) {
    ASSERT_TRUE(server->put("bkt", "ten", "0123456789"));
    const auto range = [&](std::string_view text) {
        const Answer answer = get("ten", {{"range", std::string(text)}});
        return fmt::format("{} {}", answer.status,
                           answer.status < 300 ? answer.body : answer.code());
    };
    EXPECT_EQ(range("bytes=0-3"), "206 0123");
    EXPECT_EQ(range("bytes=7-"), "206 789");
    EXPECT_EQ(range("bytes=-3"), "206 789");
    EXPECT_EQ(range("bytes=-30"), "206 0123456789");
    EXPECT_EQ(range("bytes=8-99"), "206 89");
    EXPECT_EQ(range("bytes=10-"), "416 InvalidRange");
    EXPECT_EQ(range("bytes=-0"), "416 InvalidRange");
    for (const char* ignored :
         {"bytes=3-1", "bytes=0-1,3-4", "bytes=a-b", "items=0-3", "bytes=", "bytes=-"}) {
        EXPECT_EQ(range(ignored), "200 0123456789") << ignored;
    }
    EXPECT_EQ(get("ten", {{"range", "bytes=2-4"}}).headers.at("content-range"), "bytes 2-4/10");
    ASSERT_TRUE(server->put("bkt", "empty", ""));
    EXPECT_EQ(get("empty").status, 200);
    EXPECT_EQ(get("empty", {{"range", "bytes=0-0"}}).status, 416);
}

TEST_F(ObjectTest, ReadConditions) {
    ASSERT_TRUE(server->put("bkt", "k", "hello"));
    const std::string etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    const std::string long_ago = "Fri, 20 Nov 2015 13:05:02 GMT";
    const std::string far_off = "Fri, 20 Nov 2065 13:05:02 GMT";
    const auto status = [&](Headers headers) { return get("k", std::move(headers)).status; };
    EXPECT_EQ(status({{"if-match", etag}}), 200);
    EXPECT_EQ(status({{"if-match", "\"other\""}}), 412);
    EXPECT_EQ(status({{"if-match", "\"other\""}, {"range", "bytes=0-1"}}), 412);
    EXPECT_EQ(status({{"if-none-match", etag}}), 304);
    EXPECT_EQ(status({{"if-none-match", "\"other\""}}), 200);
    EXPECT_EQ(status({{"if-unmodified-since", long_ago}}), 412);
    EXPECT_EQ(status({{"if-match", etag}, {"if-unmodified-since", long_ago}}), 200);
    EXPECT_EQ(status({{"if-modified-since", far_off}}), 304);
    EXPECT_EQ(status({{"if-none-match", "\"other\""}, {"if-modified-since", far_off}}), 200);
    EXPECT_EQ(client->call("HEAD", "/bkt/k", {}, {}, {{"if-match", "\"other\""}}).status, 412);
    EXPECT_EQ(get("k", {{"if-match", "\"other\""}}).xml("Condition"), "If-Match");
}

TEST_F(ObjectTest, PutConditions) {
    const auto put = [&](Headers headers) {
        const Answer answer = client->call("PUT", "/bkt/k", {}, "hello", std::move(headers));
        return fmt::format("{} {}", answer.status, answer.code());
    };
    const std::string etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    EXPECT_EQ(put({{"if-match", etag}}), "404 NoSuchKey");
    EXPECT_EQ(put({{"if-none-match", "*"}}), "200 ");
    EXPECT_EQ(put({{"if-none-match", "*"}}), "412 PreconditionFailed");
    EXPECT_EQ(put({{"if-match", etag}}), "200 ");
    EXPECT_EQ(put({{"if-match", "\"other\""}}), "412 PreconditionFailed");
    EXPECT_EQ(put({{"if-none-match", etag}}), "501 NotImplemented");
    EXPECT_EQ(put({{"if-match", etag}, {"if-none-match", "*"}}), "501 NotImplemented");
}

TEST_F(ObjectTest, BodiesAreCheckedAgainstWhatIsSaidOfThem) {
    const auto put = [&](std::string_view name, std::string_view value) {
        return client->call("PUT", "/bkt/k", {}, "hello",
                            {{std::string(name), std::string(value)}});
    };
    EXPECT_EQ(put("content-md5", "XUFAKrxLKna5cZ2REBfFkg==").status, 200);
    EXPECT_EQ(put("content-md5", "AUFAKrxLKna5cZ2REBfFkg==").code(), "BadDigest");
    EXPECT_EQ(put("content-md5", "short").code(), "InvalidDigest");
    EXPECT_EQ(put("x-amz-checksum-crc32", crc_base64("hello")).status, 200);
    EXPECT_EQ(put("x-amz-checksum-crc32", crc_base64("hellO")).code(), "BadDigest");
    EXPECT_EQ(put("x-amz-checksum-crc32", "x").code(), "InvalidRequest");
    EXPECT_EQ(put("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=").code(), "NotImplemented");
    EXPECT_EQ(put("x-amz-content-sha256", hex(sha256("hello"))).status, 200);
    EXPECT_EQ(put("x-amz-content-sha256", hex(sha256("other"))).code(),
              "XAmzContentSHA256Mismatch");
    EXPECT_EQ(put("x-amz-checksum-sha256", base::base64(sha256("hello"))).status, 200);
    EXPECT_EQ(put("x-amz-checksum-sha256", base::base64(sha256("other"))).code(), "BadDigest");
}

TEST_F(ObjectTest, StoredChecksumsAreReturnedWhenAskedFor) {
    ASSERT_EQ(
        client->call("PUT", "/bkt/k", {}, "hello", {{"x-amz-checksum-crc32", crc_base64("hello")}})
            .status,
        200);
    EXPECT_FALSE(get("k").headers.contains("x-amz-checksum-crc32"));
    const Answer whole = get("k", {{"x-amz-checksum-mode", "ENABLED"}});
    EXPECT_EQ(whole.headers.at("x-amz-checksum-crc32"), crc_base64("hello"));
    EXPECT_EQ(whole.headers.at("x-amz-checksum-type"), "FULL_OBJECT");
    EXPECT_FALSE(get("k", {{"x-amz-checksum-mode", "ENABLED"}, {"range", "bytes=0-1"}})
                     .headers.contains("x-amz-checksum-crc32"));
    EXPECT_TRUE(get("k", {{"x-amz-checksum-mode", "ENABLED"}, {"range", "bytes=0-4"}})
                    .headers.contains("x-amz-checksum-crc32"));
}

TEST_F(ObjectTest, ColdObjectsCannotBeRead) {
    ASSERT_EQ(client->call("PUT", "/bkt/k", {}, "x", {{"x-amz-storage-class", "GLACIER"}}).status,
              200);
    const Answer answer = get("k");
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.code(), "InvalidObjectState");
    EXPECT_EQ(answer.xml("StorageClass"), "GLACIER");
    EXPECT_EQ(client->call("HEAD", "/bkt/k").headers.at("x-amz-storage-class"), "GLACIER");
    EXPECT_EQ(client->call("PUT", "/bkt/k", {}, "x", {{"x-amz-storage-class", "ICE"}}).code(),
              "InvalidStorageClass");
}

TEST_F(ObjectTest, NamesThatAreNotThere) {
    EXPECT_EQ(client->call("GET", "/nosuchbucket/k").code(), "NoSuchBucket");
    EXPECT_EQ(get("k", {}, "versionId=abc").code(), "InvalidArgument");
    ASSERT_TRUE(server->put("bkt", "k", "v"));
    EXPECT_EQ(get("k", {}, "versionId=null").body, "v");
    EXPECT_EQ(get(std::string(1025, 'k')).code(), "KeyTooLongError");
    EXPECT_EQ(get("k", {}, "acl=").code(), "NotImplemented");
    const Answer head = client->call("HEAD", "/bkt/missing");
    EXPECT_EQ(head.status, 404);
    EXPECT_EQ(head.headers.at("content-length"), "0");
}

TEST_F(ObjectTest, MemoryLimit) {
    Options options;
    options.max_memory_bytes = 1000;
    start(options);
    EXPECT_EQ(client->call("PUT", "/bkt/k", {}, std::string(900, 'x')).status, 200);
    EXPECT_EQ(client->call("PUT", "/bkt/l", {}, std::string(200, 'x')).status, 507);
    EXPECT_EQ(client->call("DELETE", "/bkt/k").status, 204);
    EXPECT_EQ(client->call("PUT", "/bkt/l", {}, std::string(200, 'x')).status, 200);
    EXPECT_EQ(server->stats().stored_bytes, 200U);
}

TEST_F(ObjectTest, DeleteObjects) {
    for (const char* key : {"a", "b", " c"}) ASSERT_TRUE(server->put("bkt", key, "v"));
    const std::string xml =
        "<Delete><Object><Key>a</Key></Object><Object><Key> c</Key></Object></Delete>";
    EXPECT_EQ(client->call("POST", "/bkt", "delete=", xml).code(), "InvalidRequest");
    const Answer done =
        client->call("POST", "/bkt", "delete=", xml, {{"x-amz-checksum-crc32", crc_base64(xml)}});
    EXPECT_EQ(done.all("Key"), (std::vector<std::string>{"a", " c"}));
    EXPECT_EQ(server->keys("bkt"), std::vector<std::string>{"b"});
}

TEST_F(ObjectTest, Buckets) {
    EXPECT_EQ(client->call("PUT", "/new-bucket").status, 200);
    EXPECT_EQ(client->call("PUT", "/new-bucket").status, 200);  // us-east-1
    EXPECT_EQ(client->call("PUT", "/Bad_Name").code(), "InvalidBucketName");
    EXPECT_EQ(client->call("HEAD", "/new-bucket").headers.at("x-amz-bucket-region"), "us-east-1");
    EXPECT_EQ(client->call("GET", "/").all("Name"),
              (std::vector<std::string>{"bkt", "new-bucket"}));
    ASSERT_TRUE(server->put("new-bucket", "k", "v"));
    EXPECT_EQ(client->call("DELETE", "/new-bucket").code(), "BucketNotEmpty");
    ASSERT_TRUE(server->remove("new-bucket", "k"));
    EXPECT_EQ(client->call("DELETE", "/new-bucket").status, 204);
    EXPECT_EQ(client->call("HEAD", "/new-bucket").status, 404);
}

TEST_F(ObjectTest, VirtualHosts) {
    ASSERT_TRUE(server->put("bkt", "k", "v"));
    for (const char* host : {"bkt.s3.localhost:9000", "bkt.localhost"}) {
        client->host = host;
        EXPECT_EQ(client->call("GET", "/k").body, "v") << host;
    }
    client->host = "s3.localhost:9000";
    EXPECT_EQ(client->call("GET", "/bkt/k").body, "v");
}

}  // namespace
}  // namespace s3sim::test
