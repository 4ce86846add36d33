// CompleteMultipartUpload: what it accepts and everything it refuses.
#include <fmt/format.h>

#include "client.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

class CompleteTest : public ServerTest {
  protected:
    void SetUp() override {
        Options options;
        options.sinks = {"sink"};
        start(options);
    }
    // Uploads the parts to KEY, returns their ETags.
    std::vector<std::string> upload(std::string_view bucket, std::string_view id,
                                    const std::vector<std::string>& bodies, bool crc = true) {
        std::vector<std::string> etags;
        for (std::size_t i = 0; i < bodies.size(); ++i) {
            Headers headers;
            if (crc) headers.emplace_back("x-amz-checksum-crc32", crc_base64(bodies[i]));
            const Answer answer = client->call("PUT", fmt::format("/{}/z", bucket),
                                               fmt::format("partNumber={}&uploadId={}", i + 1, id),
                                               bodies[i], headers);
            EXPECT_EQ(answer.status, 200) << answer.body;
            etags.push_back(answer.headers.at("etag"));
        }
        return etags;
    }
    Answer complete(std::string_view id, std::string_view xml, Headers headers = {},
                    std::string_view bucket = "bkt") {
        return client->call("POST", fmt::format("/{}/z", bucket), fmt::format("uploadId={}", id),
                            xml, std::move(headers));
    }
    std::string create_crc(std::string_view type = "FULL_OBJECT") {
        return create("z", {{"x-amz-checksum-algorithm", "CRC32"},
                            {"x-amz-checksum-type", std::string(type)}});
    }
    static inline const std::vector<std::string> kBodies = {
        std::string(5242881, 'a'), std::string(5242881, 'a'), std::string(10, 'a')};
    static std::string all_parts(const std::vector<std::string>& etags) {
        std::vector<std::string> parts;
        for (std::size_t i = 0; i < etags.size(); ++i)
            parts.push_back(part_xml(int(i) + 1, etags[i]));
        return complete_xml(parts);
    }
};

TEST_F(CompleteTest, FullObjectAsRecordedFromS3) {
    const std::string id = create_crc();
    const std::string xml = all_parts(upload("bkt", id, kBodies));
    const std::string size = std::to_string(5242881 * 2 + 10);
    EXPECT_EQ(complete(id, xml, {{"x-amz-checksum-crc32", "qSEQSA=="}}).code(),
              "BadDigest");  // no type
    EXPECT_EQ(
        complete(id, xml,
                 {{"x-amz-checksum-crc32", "qSEQSB=="}, {"x-amz-checksum-type", "FULL_OBJECT"}})
            .code(),
        "BadDigest");
    EXPECT_EQ(complete(id, xml, {{"x-amz-checksum-type", "COMPOSITE"}}).code(), "InvalidRequest");
    EXPECT_EQ(complete(id, xml, {{"x-amz-mp-object-size", "1"}}).code(), "InvalidRequest");
    EXPECT_EQ(server->stats().open_uploads, 1U);
    const Answer done = complete(id, xml,
                                 {{"x-amz-checksum-crc32", "qSEQSA=="},
                                  {"x-amz-checksum-type", "FULL_OBJECT"},
                                  {"x-amz-mp-object-size", size}});
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(done.xml("ChecksumCRC32"), "qSEQSA==");
    EXPECT_EQ(done.xml("ChecksumType"), "FULL_OBJECT");
    EXPECT_TRUE(done.xml("ETag").ends_with("-3\""));
    EXPECT_TRUE(server->get("bkt", "z") == kBodies[0] + kBodies[1] + kBodies[2]);
    EXPECT_EQ(complete(id, xml).code(), "NoSuchUpload");
    const Answer head =
        client->call("HEAD", "/bkt/z", {}, {}, {{"x-amz-checksum-mode", "ENABLED"}});
    EXPECT_EQ(head.headers.at("x-amz-checksum-crc32"), "qSEQSA==");
    EXPECT_EQ(head.headers.at("content-length"), size);
    // Ranges run across the seams of parts; partNumber picks one.
    EXPECT_EQ(
        client->call("GET", "/bkt/z", {}, {}, {{"range", "bytes=5242870-10485765"}}).body.size(),
        5242896U);
    const Answer part = client->call("GET", "/bkt/z", "partNumber=3");
    EXPECT_EQ(part.body, kBodies[2]);
    EXPECT_EQ(part.headers.at("x-amz-mp-parts-count"), "3");
}

TEST_F(CompleteTest, CompositeAsRecordedFromS3) {
    const std::string id = create_crc("COMPOSITE");
    const auto etags = upload("bkt", id, kBodies);
    EXPECT_EQ(complete(id, all_parts(etags)).code(),
              "InvalidRequest");  // each part's checksum is wanted
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < 3; ++i)
        parts.push_back(part_xml(int(i) + 1, etags[i], crc_base64(kBodies[i])));
    auto wrong = parts;
    wrong[1] = part_xml(2, etags[1], "AAAAAA==");
    EXPECT_EQ(complete(id, complete_xml(wrong)).code(), "InvalidPart");
    EXPECT_EQ(complete(id, complete_xml(parts), {{"x-amz-checksum-crc32", "AAAAAA==-3"}}).code(),
              "BadDigest");
    EXPECT_EQ(complete(id, complete_xml(parts)).xml("ChecksumCRC32"), "5FRUiw==-3");
}

TEST_F(CompleteTest, PartsThatDoNotFit) {
    const std::string id = create_crc();
    const auto etags = upload("bkt", id, kBodies);
    const auto code = [&](std::vector<std::string> parts) {
        return complete(id, complete_xml(parts)).code();
    };
    EXPECT_EQ(code({part_xml(2, etags[1]), part_xml(1, etags[0])}), "InvalidPartOrder");
    EXPECT_EQ(code({part_xml(1, etags[0]), part_xml(1, etags[0])}), "InvalidPartOrder");
    EXPECT_EQ(code({part_xml(1, etags[0]), part_xml(3, etags[2])}),
              "InvalidPartOrder");  // gap, and an algorithm named
    EXPECT_EQ(code({part_xml(1, "\"wrong\"")}), "InvalidPart");
    EXPECT_EQ(code({part_xml(1, etags[0]), part_xml(2, etags[1]), part_xml(4, etags[2])}),
              "InvalidPart");
    EXPECT_EQ(code({}), "InvalidRequest");
    EXPECT_EQ(complete(id, "<CompleteMultipartUpload><Part>").code(), "MalformedXML");
    EXPECT_EQ(complete(id, "<Other/>").code(), "MalformedXML");
    EXPECT_EQ(complete(id, "").code(), "MalformedXML");
    EXPECT_EQ(server->stats().open_uploads, 1U);
}

TEST_F(CompleteTest, GapsAreAllowedWithoutAnAlgorithm) {
    const std::string id = create("z");
    const auto etags = upload("bkt", id, kBodies, false);
    EXPECT_EQ(complete(id, complete_xml({part_xml(1, etags[0], crc_base64(kBodies[0]))})).code(),
              "InvalidPart");
    const Answer done = complete(id, complete_xml({part_xml(1, etags[0]), part_xml(3, etags[2])}));
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(server->head("bkt", "z")->size, 5242891U);
}

TEST_F(CompleteTest, SmallPartsAreFoundOutOnlyHere) {
    const std::string id = create("z");
    const auto etags = upload("bkt", id, {std::string(5242879, 'x'), "y"}, false);
    const Answer answer = complete(id, all_parts(etags));
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code(), "EntityTooSmall");
    EXPECT_EQ(answer.xml("PartNumber"), "1");
    EXPECT_EQ(answer.xml("MinSizeAllowed"), "5242880");
    EXPECT_EQ(answer.xml("ProposedSize"), "5242879");
}

TEST_F(CompleteTest, Conditions) {
    const auto attempt = [&](const std::string& id, Headers headers) {
        const Answer answer =
            complete(id, all_parts(upload("bkt", id, {"x"}, false)), std::move(headers));
        return fmt::format("{} {}", answer.status, answer.code());
    };
    const std::string while_absent = create("z");
    const std::string also_absent = create("z");
    EXPECT_EQ(attempt(while_absent, {{"if-match", "\"e\""}}), "404 NoSuchKey");
    EXPECT_EQ(attempt(while_absent, {{"if-none-match", "*"}}), "200 ");
    EXPECT_EQ(attempt(also_absent, {{"if-none-match", "*"}}), "412 PreconditionFailed");
    const std::string etag = "\"" + server->head("bkt", "z")->etag + "\"";
    const std::string while_present = create("z");
    EXPECT_EQ(attempt(also_absent, {{"if-match", etag}}), "409 ConditionalRequestConflict");
    EXPECT_EQ(attempt(while_present, {{"if-match", "\"other\""}}), "412 PreconditionFailed");
    const std::string present_then_deleted = create("z");
    EXPECT_EQ(attempt(while_present, {{"if-match", etag}}), "200 ");
    ASSERT_TRUE(server->remove("bkt", "z"));
    EXPECT_EQ(attempt(present_then_deleted, {{"if-none-match", "*"}}),
              "409 ConditionalRequestConflict");
    EXPECT_EQ(attempt(present_then_deleted, {{"if-none-match", "\"e\""}}), "501 NotImplemented");
}

TEST_F(CompleteTest, WhatCreateSaidBelongsToTheObject) {
    const std::string id = create("z", {{"content-disposition", "attachment"},
                                        {"content-type", "application/zip"},
                                        {"x-amz-meta-job", "7"},
                                        {"x-amz-storage-class", "GLACIER_IR"},
                                        {"x-amz-tagging", "t=1"}});
    ASSERT_EQ(complete(id, all_parts(upload("bkt", id, {"zip"}, false))).status, 200);
    const auto info = server->head("bkt", "z");
    EXPECT_EQ(info->content_type, "application/zip");
    EXPECT_EQ(info->content_disposition, "attachment");
    EXPECT_EQ(info->metadata.at("job"), "7");
    EXPECT_EQ(info->storage_class, "GLACIER_IR");
    EXPECT_EQ(info->tagging, "t=1");
}

TEST_F(CompleteTest, ASinkChecksAndForgets) {
    const std::string id =
        client
            ->call("POST", "/sink/z", "uploads=", {},
                   {{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", "FULL_OBJECT"}})
            .xml("UploadId");
    EXPECT_EQ(client
                  ->call("PUT", "/sink/z", "partNumber=1&uploadId=" + id, "x",
                         {{"x-amz-checksum-crc32", "AAAAAA=="}})
                  .code(),
              "BadDigest");
    const auto etags = upload("sink", id, kBodies);
    ASSERT_EQ(
        complete(id, all_parts(etags),
                 {{"x-amz-checksum-crc32", "qSEQSA=="}, {"x-amz-checksum-type", "FULL_OBJECT"}},
                 "sink")
            .status,
        200);
    EXPECT_EQ(server->stats().stored_bytes, 0U);
    const auto info = server->head("sink", "z");
    EXPECT_EQ(info->size, 10485772U);
    std::string whole;
    for (const std::string& body : kBodies) whole += body;
    EXPECT_EQ(info->crc32, crc32(0, base::as_bytes(whole)));
    EXPECT_EQ(client->call("HEAD", "/sink/z").headers.at("content-length"), "10485772");
    EXPECT_EQ(client->call("GET", "/sink/z").status, 501);
}

}  // namespace
}  // namespace s3sim::test
