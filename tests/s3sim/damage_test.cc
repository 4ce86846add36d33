// Faults in the answer itself: documents, tags, heads and framing that are not what they should be.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <chrono>
#include <filesystem>

#include "base/clock.h"
#include "client.h"

namespace s3sim::test {
namespace {

class DamageTest : public ServerTest {
  protected:
    void SetUp() override {
        start();
        ASSERT_TRUE(server->put("bkt", "k", kBody));
    }
    Answer get(Headers headers = {}) {
        return client->call("GET", "/bkt/k", {}, {}, std::move(headers));
    }
    void plan(std::string_view text) {
        const auto set = server->set_faults(text);
        ASSERT_TRUE(set) << set.error().to_string();
    }
    const std::string kBody = [] {
        std::string body;
        for (int i = 0; body.size() < 100'000; ++i) body += std::to_string(i);
        return body;
    }();
};

TEST_F(DamageTest, TruncatedXmlInAWholeMessage) {
    const Answer whole = client->call("GET", "/bkt", "list-type=2");
    plan(
        "ListObjectsV2 nth=1 truncate-xml; CompleteMultipartUpload truncate-xml; GetObject "
        "truncate-xml");
    const Answer answer = client->call("GET", "/bkt", "list-type=2");
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.cut);
    EXPECT_LT(answer.body.size(), whole.body.size());
    EXPECT_TRUE(whole.body.starts_with(answer.body.substr(0, answer.body.size() / 2)));
    EXPECT_EQ(answer.body.find("</ListBucketResult>"), std::string::npos);
    const std::string id = create("z");
    const std::string etag =
        client->call("PUT", "/bkt/z", "partNumber=1&uploadId=" + id, "v").headers.at("etag");
    const Answer done =
        client->call("POST", "/bkt/z", "uploadId=" + id, complete_xml({part_xml(1, etag)}));
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(done.body.find("</CompleteMultipartUploadResult>"), std::string::npos);
    EXPECT_TRUE(server->get("bkt", "z"));  // it was executed
    EXPECT_EQ(get().body, kBody);          // no XML, so nothing is cut
}

TEST_F(DamageTest, WrongEtags) {
    const std::string etag = get().headers.at("etag");
    plan(
        "GetObject wrong-etag; HeadObject wrong-etag; PutObject wrong-etag; UploadPart wrong-etag;"
        "UploadPartCopy wrong-etag");
    EXPECT_NE(get().headers.at("etag"), etag);
    EXPECT_EQ(get().headers.at("etag").size(), etag.size());
    EXPECT_EQ(client->call("HEAD", "/bkt/k").headers.at("etag"), get().headers.at("etag"));
    EXPECT_EQ(client->call("PUT", "/bkt/v", {}, "v").headers.at("etag"),
              "\"af477ae2ac786ce681690e5775316e3b\"");  // each digit of v's MD5 plus one
    const std::string id = create("z");
    const std::string query = "partNumber=1&uploadId=" + id;
    const std::string part = client->call("PUT", "/bkt/z", query, "v").headers.at("etag");
    EXPECT_EQ(
        client->call("POST", "/bkt/z", "uploadId=" + id, complete_xml({part_xml(1, part)})).code(),
        "InvalidPart");
    const Answer copied =
        client->call("PUT", "/bkt/z", query, {}, {{"x-amz-copy-source", "bkt/k"}});
    EXPECT_EQ(copied.status, 200);
    plan("");
    const Answer parts = client->call("GET", "/bkt/z", "uploadId=" + id);
    EXPECT_NE(parts.xml("ETag"), copied.xml("ETag"));
    EXPECT_EQ(parts.xml("ETag").size(), copied.xml("ETag").size());
}

TEST_F(DamageTest, WrongChecksums) {
    const std::string id = create("z", {{"x-amz-checksum-algorithm", "CRC32"}});
    const std::string query = "partNumber=1&uploadId=" + id;
    plan("UploadPart wrong-checksum; UploadPartCopy wrong-checksum");
    const Answer part = client->call("PUT", "/bkt/z", query, "body",
                                     {{"x-amz-checksum-crc32", crc_base64("body")}});
    EXPECT_EQ(part.status, 200);
    EXPECT_NE(part.headers.at("x-amz-checksum-crc32"), crc_base64("body"));
    EXPECT_EQ(part.headers.at("x-amz-checksum-crc32").size(), 8U);
    const Answer copied =
        client->call("PUT", "/bkt/z", query, {}, {{"x-amz-copy-source", "bkt/k"}});
    EXPECT_EQ(copied.status, 200);
    EXPECT_NE(copied.xml("ChecksumCRC32"), crc_base64(kBody));
    EXPECT_EQ(copied.xml("ChecksumCRC32").substr(1), crc_base64(kBody).substr(1));
}

TEST_F(DamageTest, ErrorIn200OfACopy) {
    const std::string id = create("z");
    plan("UploadPartCopy nth=1 error200=SlowDown; HeadObject error200");
    const auto copy = [&] {
        return client->call("PUT", "/bkt/z", "partNumber=1&uploadId=" + id, {},
                            {{"x-amz-copy-source", "bkt/k"}});
    };
    const Answer failed = copy();
    EXPECT_EQ(failed.status, 200);
    EXPECT_EQ(failed.code(), "SlowDown");
    EXPECT_EQ(client->call("GET", "/bkt/z", "uploadId=" + id).xml("PartNumber"), "");
    EXPECT_NE(copy().xml("ETag"), "");
    // An answer to HEAD has no body, so nothing of one may be in the way of the next answer.
    EXPECT_EQ(client->call("HEAD", "/bkt/k").status, 200);
    EXPECT_EQ(get().body, kBody);
}

TEST_F(DamageTest, ExpiredToken) {
    plan("PutObject nth=1 expired-token; PutObject nth=2 expired-token=400");
    Answer answer = client->call("PUT", "/bkt/new", {}, "v");
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.code(), "ExpiredToken");
    EXPECT_FALSE(server->get("bkt", "new"));
    answer = client->call("PUT", "/bkt/new", {}, "v");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code(), "ExpiredToken");
}

TEST_F(DamageTest, Redirects) {
    plan(
        "* nth=1 redirect=eu-north-1; * nth=2 redirect=eu-north-1,307; * nth=3 "
        "redirect=eu-north-1,400; * nth=4 redirect=eu-north-1");
    const char* const codes[] = {"PermanentRedirect", "TemporaryRedirect",
                                 "AuthorizationHeaderMalformed"};
    const int statuses[] = {301, 307, 400};
    for (int i = 0; i < 3; ++i) {
        const Answer answer = get();
        EXPECT_EQ(answer.status, statuses[i]);
        EXPECT_EQ(answer.code(), codes[i]);
        EXPECT_EQ(answer.xml("Region"), "eu-north-1");
        EXPECT_EQ(answer.headers.at("x-amz-bucket-region"), "eu-north-1");
        EXPECT_EQ(answer.xml("Endpoint").empty(), i == 2);
        EXPECT_EQ(answer.headers.contains("location"), i == 1);
    }
    const Answer head = client->call("HEAD", "/bkt/k");
    EXPECT_EQ(head.status, 301);
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(head.headers.at("x-amz-bucket-region"), "eu-north-1");
    EXPECT_EQ(get().body, kBody);
}

TEST_F(DamageTest, SkewedDates) {
    plan("GetObject nth=1 skew=7200; GetObject nth=2 skew=-7200");
    for (const auto shift : {std::chrono::hours(2), std::chrono::hours(-2)}) {
        const Answer answer = get();
        EXPECT_EQ(answer.status, 403);
        EXPECT_EQ(answer.code(), "RequestTimeTooSkewed");
        std::tm date{};
        ASSERT_NE(::strptime(answer.headers.at("date").c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date),
                  nullptr);
        const auto then = std::chrono::system_clock::from_time_t(::timegm(&date));
        const auto off = then - std::chrono::system_clock::now() - shift;
        EXPECT_LT(std::chrono::abs(off), std::chrono::minutes(10));
    }
    EXPECT_EQ(get().status, 200);
}

TEST_F(DamageTest, ChangedHitsOnlyConditions) {
    plan("* times=1 changed");
    EXPECT_EQ(get().status, 200);
    const Headers condition = {{"if-match", get().headers.at("etag")}};
    const Answer answer = get(condition);
    EXPECT_EQ(answer.status, 412);
    EXPECT_EQ(answer.code(), "PreconditionFailed");
    EXPECT_EQ(get(condition).status, 200);
}

TEST_F(DamageTest, Heads) {
    plan(
        "GetObject nth=1 garbage-headers; GetObject nth=2 garbage-headers=odd; GetObject nth=3 "
        "long-headers=100000");
    Answer answer = get();
    EXPECT_NE(answer.head.find("\r\n!!! this is no header\r\n"), std::string::npos);
    EXPECT_NE(answer.head.find('\0'), std::string::npos);
    EXPECT_EQ(answer.body, kBody);
    answer = get();
    EXPECT_NE(answer.head.find("\r\nx-empty:\r\n"), std::string::npos);
    EXPECT_EQ(answer.head.find('\0'), std::string::npos);
    EXPECT_EQ(answer.headers.at("x-twice"), "2");
    EXPECT_EQ(answer.body, kBody);
    answer = get();
    EXPECT_EQ(answer.headers.at("x-amz-meta-long"), std::string(100'000, 'x'));
    EXPECT_EQ(answer.body, kBody);
}

TEST_F(DamageTest, InterimAnswers) {
    plan("GetObject nth=1 continue; GetObject nth=2 continue=2; GetObject nth=3 continue=length");
    for (const int times : {1, 2, 1}) {
        Answer answer = get();
        for (int i = 1; i <= times; ++i) {
            EXPECT_EQ(answer.status, 100);
            EXPECT_EQ(answer.body, "");
            answer = client->receive();
        }
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, kBody);
    }
}

TEST_F(DamageTest, ChunkedBodies) {
    for (const char* odd : {"* chunked=odd", "* chunked"}) {
        plan(odd);
        EXPECT_FALSE(get({}).cut);
    }
    for (const char* range : {"bytes=0-0", "bytes=1-4095", "bytes=77-70100", "bytes=0-99999"}) {
        const Answer answer = get({{"range", range}});
        EXPECT_EQ(answer.status, 206);
        EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
        EXPECT_FALSE(answer.headers.contains("content-length"));
        EXPECT_FALSE(answer.cut);
        const std::string_view text(range);
        const auto from = std::stoul(std::string(text.substr(6)));
        const auto to = std::stoul(std::string(text.substr(text.find('-') + 1)));
        EXPECT_EQ(answer.body, kBody.substr(from, to - from + 1)) << range;
    }
    EXPECT_NE(client->call("GET", "/bkt", "list-type=2").body.find("</ListBucketResult>"),
              std::string::npos);
    EXPECT_EQ(client->call("GET", "/bkt/nope").code(), "NoSuchKey");
    EXPECT_EQ(client->call("HEAD", "/bkt/k").headers.at("content-length"),
              std::to_string(kBody.size()));
    EXPECT_EQ(client->call("DELETE", "/bkt/k").status, 204);
    ASSERT_TRUE(server->put("bkt", "empty", ""));
    const Answer empty = client->call("GET", "/bkt/empty");
    EXPECT_FALSE(empty.cut);
    EXPECT_EQ(empty.body, "");
}

TEST_F(DamageTest, ChunkedFromFilesAndFromAPool) {
    const auto root = std::filesystem::temp_directory_path() /
                      fmt::format("s3sim-chunked-{}", static_cast<int>(::getpid()));
    std::filesystem::create_directory(root);
    Options options;
    options.root = root;
    options.synthetic["pool"] = "count=1,size=3MiB";
    options.faults = "GetObject every=2 chunked";
    start(std::move(options));
    ASSERT_TRUE(server->put("bkt", "k", kBody));
    for (const std::string& path : {std::string("/bkt/k"), "/pool/" + server->keys("pool").at(0)}) {
        const Answer plain = client->call("GET", path);
        const Answer chunked = client->call("GET", path);
        EXPECT_FALSE(plain.headers.contains("transfer-encoding"));
        EXPECT_TRUE(chunked.headers.contains("transfer-encoding"));
        EXPECT_FALSE(chunked.cut);
        EXPECT_TRUE(plain.body == chunked.body) << path;
    }
    server->stop();
    std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace s3sim::test
