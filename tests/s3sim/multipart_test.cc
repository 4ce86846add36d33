// CreateMultipartUpload, UploadPart, UploadPartCopy, ListParts, ListMultipartUploads,
// AbortMultipartUpload.
#include <fmt/format.h>
#include <mutex>

#include "client.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

class MultipartTest : public ServerTest {
  protected:
    void SetUp() override {
        Options options;
        options.sinks = {"sink"};
        options.synthetic["src"] = "count=3,size=10MiB";
        start(options);
    }
    Answer part(std::string_view key, std::string_view id, int number, std::string_view body,
                Headers headers = {}) {
        return client->call("PUT", "/bkt/" + std::string(key),
                            fmt::format("partNumber={}&uploadId={}", number, id), body,
                            std::move(headers));
    }
    Answer copy(std::string_view id, std::string_view source, std::string_view range = {},
                Headers headers = {}) {
        headers.emplace_back("x-amz-copy-source", source);
        if (!range.empty()) headers.emplace_back("x-amz-copy-source-range", range);
        return part("z", id, 1, {}, std::move(headers));
    }
};

TEST_F(MultipartTest, CreateSaysWhatWasChosen) {
    const auto made = [&](Headers headers) {
        return client->call("POST", "/bkt/z", "uploads=", {}, std::move(headers));
    };
    const Answer crc = made({{"x-amz-checksum-algorithm", "CRC32"}});
    EXPECT_EQ(crc.headers.at("x-amz-checksum-type"), "COMPOSITE");
    EXPECT_EQ(crc.xml("Key"), "z");
    EXPECT_EQ(made({{"x-amz-checksum-type", "FULL_OBJECT"}}).code(), "InvalidRequest");
    EXPECT_EQ(made({{"x-amz-checksum-algorithm", "SHA256"}, {"x-amz-checksum-type", "FULL_OBJECT"}})
                  .code(),
              "InvalidRequest");
    EXPECT_EQ(made({{"x-amz-checksum-algorithm", "CRC64NVME"}}).code(), "NotImplemented");
    EXPECT_EQ(client->call("POST", "/src/z", "uploads=").code(), "MethodNotAllowed");
    EXPECT_EQ(server->open_uploads().size(), 1U);
}

// What a test that pulls the plug at some request decides by.
TEST(Watch, IsToldOfARequestAsItComesAndOnceItIsExecuted) {
    std::mutex mutex;
    std::vector<std::string> told;
    Options options;
    options.buckets = {"bkt"};
    options.watch = [&](const WatchedRequest& request) {
        const bool arrived = request.moment == WatchedRequest::Moment::arrived;
        const std::scoped_lock lock(mutex);
        told.push_back(fmt::format("{} {} {}/{} {} {} {}", arrived ? "arrived" : "executed",
                                   request.operation, request.bucket, request.key,
                                   request.upload_id, request.part_number, request.status));
    };
    auto server = Server::start(options);
    ASSERT_TRUE(server);
    Client client((*server)->port());
    const std::string id = client.call("POST", "/bkt/z", "uploads=").xml("UploadId");
    EXPECT_EQ(client.call("PUT", "/bkt/z", "partNumber=7&uploadId=" + id, "data").status, 200);
    ASSERT_TRUE((*server)->set_faults("UploadPart lost-answer"));
    EXPECT_EQ(client.call("PUT", "/bkt/z", "partNumber=8&uploadId=" + id, "data").status, 0);
    ASSERT_TRUE((*server)->set_faults("GetObject status=503"));
    EXPECT_EQ(client.call("GET", "/bkt/z").status, 503);
    (*server)->stop();
    EXPECT_EQ(told, (std::vector<std::string>{
                        "arrived CreateMultipartUpload bkt/z  0 0",
                        fmt::format("executed CreateMultipartUpload bkt/z {} 0 200", id),
                        fmt::format("arrived UploadPart bkt/z {} 7 0", id),
                        fmt::format("executed UploadPart bkt/z {} 7 200", id),
                        fmt::format("arrived UploadPart bkt/z {} 8 0", id),
                        fmt::format("executed UploadPart bkt/z {} 8 200", id),
                        "arrived GetObject bkt/z  0 0", "executed GetObject bkt/z  0 503"}));
}

TEST_F(MultipartTest, PartNumbersAndChecksums) {
    const std::string id = create("z", {{"x-amz-checksum-algorithm", "CRC32"}});
    const Headers good = {{"x-amz-checksum-crc32", crc_base64("data")}};
    EXPECT_EQ(part("z", id, 0, "data", good).code(), "InvalidArgument");
    EXPECT_EQ(part("z", id, 10001, "data", good).code(), "InvalidArgument");
    EXPECT_EQ(part("z", id, 10000, "data", good).status, 200);
    EXPECT_EQ(part("z", id, 1, "data", good).headers.at("x-amz-checksum-crc32"),
              crc_base64("data"));
    EXPECT_EQ(part("z", id, 1, "data", {{"x-amz-checksum-crc32", crc_base64("dath")}}).code(),
              "BadDigest");
    EXPECT_EQ(part("z", id, 1, "data").code(), "InvalidRequest");
    EXPECT_EQ(part("z", id, 1, "data", {{"content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="}}).code(),
              "BadDigest");
    EXPECT_EQ(part("other", id, 1, "data", good).code(), "NoSuchUpload");
    EXPECT_EQ(part("z", "nonsense", 1, "data", good).code(), "NoSuchUpload");
}

TEST_F(MultipartTest, CopyReturnsTheCrcOfTheRange) {
    std::string bytes(300'000, 'x');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 4);
    ASSERT_TRUE(server->put("bkt", "dir/50% of+it", bytes));
    const std::string id = create("z", {{"x-amz-checksum-algorithm", "CRC32"}});
    const std::string source = "bkt/dir/50%25%20of%2Bit";
    Answer answer = copy(id, source);
    EXPECT_EQ(answer.xml("ChecksumCRC32"), crc_base64(bytes));
    answer = copy(id, "/" + source, "bytes=7-100006");
    EXPECT_EQ(answer.xml("ChecksumCRC32"), crc_base64(bytes.substr(7, 100000)));
    EXPECT_EQ(client->call("GET", "/bkt/z", "uploadId=" + id).xml("ChecksumCRC32"),
              answer.xml("ChecksumCRC32"));
    for (const char* range : {"bytes=0-300000", "bytes=5-", "bytes=-5", "bytes=5-2", "0-5"}) {
        EXPECT_EQ(copy(id, source, range).code(), "InvalidArgument") << range;
    }
    EXPECT_EQ(copy(id, "bkt/nope").code(), "NoSuchKey");
    EXPECT_EQ(copy(id, "nobucket/nope").code(), "NoSuchBucket");
    EXPECT_EQ(copy(id, "nope").code(), "InvalidArgument");
    answer = copy(id, source, {}, {{"x-amz-copy-source-if-match", "\"other\""}});
    EXPECT_EQ(answer.status, 412);
    EXPECT_EQ(answer.xml("Condition"), "x-amz-copy-source-If-Match");
    const std::string etag = server->head("bkt", "dir/50% of+it")->etag;
    EXPECT_EQ(copy(id, source, {}, {{"x-amz-copy-source-if-match", "\"" + etag + "\""}}).status,
              200);
}

TEST_F(MultipartTest, CopyFromASyntheticObject) {
    const std::string id = create(
        "z", {{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
    const Answer copied = copy(id, "src/0000000001");
    ASSERT_EQ(copied.status, 200) << copied.body;
    const std::string done = complete_xml({part_xml(1, copied.xml("ETag"))});
    ASSERT_EQ(client->call("POST", "/bkt/z", "uploadId=" + id, done).status, 200);
    EXPECT_TRUE(server->get("bkt", "z").value_or("") ==
                server->get("src", "0000000001").value_or("none"));
    EXPECT_EQ(server->head("bkt", "z")->crc32, server->head("src", "0000000001")->crc32);
}

TEST_F(MultipartTest, ListPartsInPages) {
    const std::string id = create("z");
    for (const int number : {5, 1, 3})
        ASSERT_EQ(part("z", id, number, fmt::format("part {}", number)).status, 200);
    ASSERT_EQ(part("z", id, 3, "again").status, 200);
    Answer page = client->call("GET", "/bkt/z", "max-parts=2&uploadId=" + id);
    EXPECT_EQ(page.all("PartNumber"), (std::vector<std::string>{"1", "3"}));
    EXPECT_EQ(page.all("Size"), (std::vector<std::string>{"6", "5"}));
    EXPECT_EQ(page.xml("IsTruncated"), "true");
    EXPECT_EQ(page.xml("NextPartNumberMarker"), "3");
    page = client->call("GET", "/bkt/z", "max-parts=2&part-number-marker=3&uploadId=" + id);
    EXPECT_EQ(page.all("PartNumber"), std::vector<std::string>{"5"});
    EXPECT_EQ(page.xml("IsTruncated"), "false");
}

TEST_F(MultipartTest, ListUploadsInPages) {
    create("a");
    create("a");
    create("b/c");
    std::vector<std::string> seen;
    std::string marker;
    for (int i = 0; i < 3; ++i) {
        const Answer page = client->call("GET", "/bkt", "max-uploads=1&uploads=" + marker);
        ASSERT_EQ(page.all("Upload").size(), 1U);
        seen.push_back(page.xml("Key"));
        EXPECT_EQ(page.xml("IsTruncated"), i < 2 ? "true" : "false");
        marker = fmt::format("&key-marker={}&upload-id-marker={}", page.xml("NextKeyMarker"),
                             page.xml("NextUploadIdMarker"));
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"a", "a", "b/c"}));
    EXPECT_EQ(client->call("GET", "/bkt", "prefix=b&uploads=").all("Key"),
              std::vector<std::string>{"b/c"});
}

TEST_F(MultipartTest, AListingTellsWhatAnUploadIs) {
    create("a", {{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
    const Answer page = client->call("GET", "/bkt", "uploads=");
    EXPECT_EQ(page.xml("ChecksumAlgorithm"), "CRC32");
    EXPECT_EQ(page.xml("ChecksumType"), "FULL_OBJECT");
    EXPECT_EQ(page.xml("StorageClass"), "STANDARD");
    EXPECT_EQ(page.xml("ID"), "s3sim");
    EXPECT_TRUE(page.xml("Initiated").ends_with(".000Z")) << page.xml("Initiated");
}

TEST_F(MultipartTest, AnAbortThatAPartOutlives) {
    const std::string id = create("z");
    ASSERT_EQ(part("z", id, 1, "x").status, 200);
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload times=1 stays-open"));
    EXPECT_EQ(client->call("DELETE", "/bkt/z", "uploadId=" + id).status, 204);
    EXPECT_EQ(client->call("GET", "/bkt/z", "uploadId=" + id).all("PartNumber").size(), 1U);
    EXPECT_EQ(client->call("DELETE", "/bkt/z", "uploadId=" + id).status, 204);
    EXPECT_EQ(client->call("DELETE", "/bkt/z", "uploadId=" + id).code(), "NoSuchUpload");
}

TEST_F(MultipartTest, AbortEndsIt) {
    const std::string id = create("z");
    ASSERT_EQ(part("z", id, 1, std::string(100'000, 'x')).status, 200);
    EXPECT_EQ(server->stats().open_uploads, 1U);
    EXPECT_EQ(client->call("DELETE", "/bkt/z", "uploadId=" + id).status, 204);
    EXPECT_EQ(server->stats().open_uploads, 0U);
    EXPECT_EQ(server->stats().stored_bytes, 0U);
    EXPECT_EQ(part("z", id, 1, "x").code(), "NoSuchUpload");
    EXPECT_EQ(client->call("GET", "/bkt/z", "uploadId=" + id).code(), "NoSuchUpload");
    EXPECT_EQ(client->call("POST", "/bkt/z", "uploadId=" + id, "<x/>").code(), "NoSuchUpload");
    EXPECT_EQ(client->call("DELETE", "/bkt/z", "uploadId=" + id).code(), "NoSuchUpload");
}

}  // namespace
}  // namespace s3sim::test
