// --like STORE: every rule of every profile, beside AWS's answer to the same request.
#include "profile_fixture.h"

namespace s3sim::test {
namespace {

using testing::HasSubstr;

TEST_F(ProfileTest, TheNameMustBeKnown) {
    Options options;
    options.like = "s4";
    const auto started = Server::start(options);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, "bad_profile");
    EXPECT_THAT(started.error().detail, HasSubstr("aws, minio, r2"));
    EXPECT_EQ(profile_names().size(), 12U);
    for (const std::string& name : profile_names()) {
        like(name);
        EXPECT_EQ(client->call("HEAD", "/bkt").status, name == "oss" ? 403 : 200) << name;
    }
}

TEST_F(ProfileTest, PartChecksumsAtComplete) {
    struct Row {
        std::string store;
        std::string full_without, full_with, composite_without, composite_with;
    };
    for (const Row& row :
         std::vector<Row>{{"aws", "", "", "InvalidRequest", ""},
                          {"minio", "InvalidPart", "", "InvalidPart", ""},
                          {"versitygw", "InvalidRequest", "", "InvalidRequest", ""},
                          {"seaweedfs", "", "", "", ""},
                          {"s3mock", "InvalidRequest", "", "InvalidRequest", ""},
                          {"rgw", "", "", "", ""},
                          {"s3proxy", "", "", "", ""},
                          {"swift", "", "MalformedXML", "", "MalformedXML"}}) {
        like(row.store);
        EXPECT_EQ(crc_upload("FULL_OBJECT", false).code(), row.full_without) << row.store;
        EXPECT_EQ(crc_upload("FULL_OBJECT", true).code(), row.full_with) << row.store;
        EXPECT_EQ(crc_upload("COMPOSITE", false).code(), row.composite_without) << row.store;
        EXPECT_EQ(crc_upload("COMPOSITE", true).code(), row.composite_with) << row.store;
    }
    like("r2");  // refuses unequal parts, so the last one of crc_upload may be small
    EXPECT_EQ(crc_upload("COMPOSITE", false).code(), "InvalidRequest");
    EXPECT_EQ(crc_upload("COMPOSITE", true).status, 200);
}

TEST_F(ProfileTest, CompositeValuesHaveTheNumberOfParts) {
    for (const std::string store : {"aws", "r2", "s3mock", "minio"}) {
        like(store);
        const Answer done = crc_upload("COMPOSITE", true);
        EXPECT_THAT(done.xml("ChecksumCRC32"), testing::EndsWith("-2")) << store;
        EXPECT_EQ(done.xml("ChecksumType"), "COMPOSITE") << store;
        EXPECT_EQ(crc_of("z"), done.xml("ChecksumCRC32")) << store;
    }
}

TEST_F(ProfileTest, FullObjectAtCreate) {
    const Headers full = {{"x-amz-checksum-algorithm", "CRC32"},
                          {"x-amz-checksum-type", "FULL_OBJECT"}};
    like("r2");
    EXPECT_EQ(begin(full).status, 400);
    EXPECT_EQ(begin(full).code(), "InvalidRequest");
    EXPECT_EQ(begin({{"x-amz-checksum-algorithm", "CRC32"}}).headers["x-amz-checksum-type"],
              "COMPOSITE");
    like("s3mock");
    EXPECT_EQ(begin(full).headers["x-amz-checksum-type"], "COMPOSITE");
    const Headers promise = {{std::string(kCrc), crc_base64(kPart + "end")},
                             {"x-amz-checksum-type", "FULL_OBJECT"}};
    EXPECT_EQ(crc_upload("FULL_OBJECT", true, promise).code(), "InvalidRequest");
    EXPECT_EQ(crc_upload("FULL_OBJECT", true, {promise[0]}).code(), "BadDigest");
    like("aws");
    EXPECT_EQ(begin(full).headers["x-amz-checksum-type"], "FULL_OBJECT");
    EXPECT_EQ(crc_upload("FULL_OBJECT", true, promise).status, 200);
    EXPECT_EQ(begin({{"x-amz-checksum-type", "FULL_OBJECT"}}).code(), "InvalidRequest");
}

TEST_F(ProfileTest, ChecksumHeadersThatAreNotTaken) {
    const Headers with_crc = {{std::string(kCrc), crc_base64("v")}};
    const Headers wrong_crc = {{std::string(kCrc), "AAAAAA=="}};
    for (const std::string store : {"b2", "gcs"}) {
        like(store);
        const std::string code = store == "b2" ? "InvalidArgument" : "SignatureDoesNotMatch";
        const int status = store == "b2" ? 400 : 403;
        const auto refused = [&](const Answer& answer) {
            return answer.status == status && answer.code() == code;
        };
        EXPECT_TRUE(refused(put("k", "v", with_crc))) << store;
        EXPECT_TRUE(refused(begin({{"x-amz-checksum-algorithm", "CRC32"}}))) << store;
        EXPECT_TRUE(refused(put("k", "v", {{"x-amz-sdk-checksum-algorithm", "CRC32"}}))) << store;
        (void)put("k", "v");  // b2's first write may be refused
        EXPECT_EQ(put("k", "v").status, 200) << store;
        const Answer read =
            client->call("GET", "/bkt/k", {}, {}, {{"x-amz-checksum-mode", "ENABLED"}});
        EXPECT_TRUE(refused(read)) << store;
        EXPECT_EQ(
            client->call("HEAD", "/bkt/k", {}, {}, {{"x-amz-checksum-mode", "ENABLED"}}).status,
            status);
        EXPECT_EQ(client->call("GET", "/bkt/k").body, "v");
        if (store == "b2") {
            EXPECT_EQ(read.xml("Message"),
                      "Unsupported header 'x-amz-checksum-mode' received for this API call.");
        } else {
            EXPECT_EQ(read.xml("Message"), "Invalid argument.");
        }
    }
    for (const std::string store : {"oss", "rgw", "s3proxy", "swift"}) {
        like(store);
        const std::string path = store == "oss" ? "/k" : "/bkt/k";
        if (store == "oss") client->host = "bkt.localhost";
        const Answer sent = client->call("PUT", path, {}, "v", wrong_crc);
        EXPECT_EQ(sent.status, 200) << store;
        EXPECT_FALSE(sent.headers.contains(std::string(kCrc))) << store;
        const Answer read = client->call("GET", path, {}, {}, {{"x-amz-checksum-mode", "ENABLED"}});
        EXPECT_EQ(read.body, "v") << store;
        EXPECT_FALSE(read.headers.contains(std::string(kCrc))) << store;
    }
    like("aws");
    EXPECT_EQ(put("k", "v", with_crc).headers[std::string(kCrc)], crc_base64("v"));
    EXPECT_EQ(put("k", "v", wrong_crc).code(), "BadDigest");
    like("minio");
    EXPECT_EQ(put("k", "v", wrong_crc).code(), "XAmzContentChecksumMismatch");
}

TEST_F(ProfileTest, PartsWithoutAChecksum) {
    like("aws");
    const Answer aws = part(begin_crc(), 1, "x");
    EXPECT_EQ(aws.code(), "InvalidRequest");
    EXPECT_EQ(aws.xml("Message"),
              "Checksum Type mismatch occurred, expected checksum Type: crc32, actual checksum "
              "Type: null");
    like("minio");
    EXPECT_EQ(part(begin_crc(), 1, "x").code(), "InvalidArgument");
    for (const std::string store : {"s3mock", "seaweedfs"}) {
        like(store);
        const std::string id = begin_crc("COMPOSITE");
        const Answer sent = part(id, 1, "x");
        EXPECT_EQ(sent.status, 200) << store;
        EXPECT_EQ(complete(id, {part_xml(1, sent.headers.at("etag"), crc_base64("x"))}).status, 200)
            << store;
        EXPECT_EQ(part(begin_crc(), 1, "x", {{"x-amz-checksum-sha256", "AAAA"}}).status, 400);
    }
}

TEST_F(ProfileTest, CopiesOfParts) {
    for (const std::string store : {"aws", "versitygw", "seaweedfs"}) {
        like(store);
        ASSERT_EQ(put("source", "0123456789").status, 200);
        const Answer copied =
            copy(begin_crc(), 1, "bkt/source", {{"x-amz-copy-source-range", "bytes=2-5"}});
        EXPECT_EQ(copied.xml("ChecksumCRC32"), crc_base64("2345")) << store;
    }
    for (const std::string store : {"rgw", "s3proxy", "s3mock"}) {
        like(store);
        ASSERT_EQ(put("source", "0123456789").status, 200);
        const Answer copied = copy(begin_crc(), 1, "bkt/source");
        EXPECT_EQ(copied.status, 200) << store;
        EXPECT_EQ(copied.xml("ChecksumCRC32"), "") << store;
    }
    like("minio");
    ASSERT_EQ(put("source", "0123456789").status, 200);
    const Answer refused = copy(begin_crc(), 1, "bkt/source");
    EXPECT_EQ(refused.code(), "InvalidArgument");
    EXPECT_EQ(refused.xml("Message"), "checksum missing, want CRC32");
    EXPECT_EQ(copy(begin().xml("UploadId"), 1, "bkt/source").status, 200);
}

TEST_F(ProfileTest, RangesAndConditionsOfCopies) {
    const Headers beyond = {{"x-amz-copy-source-range", "bytes=5-99"}};
    const Headers other = {{"x-amz-copy-source-if-match", "\"other\""}};
    like("aws");
    ASSERT_EQ(put("a%25b", "0123456789").status, 200);
    EXPECT_EQ(copy(begin().xml("UploadId"), 1, "bkt/a%25b", beyond).code(), "InvalidArgument");
    EXPECT_EQ(copy(begin().xml("UploadId"), 1, "bkt/a%25b", other).status, 412);
    like("swift");
    ASSERT_EQ(put("k", "0123456789").status, 200);
    const std::string id = begin().xml("UploadId");
    EXPECT_EQ(copy(id, 1, "bkt/k", beyond).status, 200);
    EXPECT_EQ(client->call("GET", "/bkt/z", "uploadId=" + id).xml("Size"), "5");
    EXPECT_EQ(copy(id, 1, "bkt/k", {{"x-amz-copy-source-range", "bytes=10-99"}}).status, 400);
    like("rgw");
    ASSERT_EQ(put("k", "0123456789").status, 200);
    EXPECT_EQ(copy(begin().xml("UploadId"), 1, "bkt/k", other).status, 200);
    ASSERT_EQ(put("a%2525b", "v").status, 200);  // the key is a%25b
    EXPECT_EQ(copy(begin().xml("UploadId"), 1, "bkt/a%2525b").code(), "NoSuchKey");
}

TEST_F(ProfileTest, EqualParts) {
    constexpr std::size_t kMiB = 1 << 20;
    const auto check = [&](const std::string& name) {
        const Answer unequal = upload({5 * kMiB, 6 * kMiB, 1});
        EXPECT_EQ(unequal.status, 400) << name;
        EXPECT_EQ(unequal.code(), "InvalidPart") << name;
        EXPECT_EQ(unequal.xml("Message"), "All non-trailing parts must have the same length.");
        EXPECT_EQ(upload({5 * kMiB, 5 * kMiB + 1}).code(), "InvalidPart") << name;
        EXPECT_EQ(upload({5 * kMiB, 5 * kMiB}).status, 200) << name;
        EXPECT_EQ(upload({5 * kMiB, 5 * kMiB, 7}).status, 200) << name;
        EXPECT_EQ(upload({7}).status, 200) << name;
        // A copied part counts like any other.
        ASSERT_EQ(put("source", std::string(6 * kMiB, 's')).status, 200);
        const std::string id = begin().xml("UploadId");
        const std::string copied = copy(id, 1, "bkt/source").xml("ETag");
        const std::string sent = part(id, 2, kPart).headers["etag"];
        const std::string last = part(id, 3, "x").headers["etag"];
        EXPECT_EQ(complete(id, {part_xml(1, copied), part_xml(2, sent), part_xml(3, last)}).code(),
                  "InvalidPart");
        EXPECT_EQ(complete(id, {part_xml(1, copied), part_xml(2, sent)}).status, 200);
    };
    like("r2");
    check("r2");
    Options options;
    options.equal_parts = true;
    like("aws", options);
    check("--equal-parts");
    like("aws");
    EXPECT_EQ(upload({5 * kMiB, 6 * kMiB, 1}).status, 200);
}

TEST_F(ProfileTest, ConditionalWrites) {
    const Headers none = {{"if-none-match", "*"}};
    struct Row {
        std::string store;
        int put_free, put_taken, complete_free, complete_taken;
        std::string put_code, complete_code;
    };
    for (const Row& row :
         std::vector<Row>{{"aws", 200, 412, 200, 412, "PreconditionFailed", "PreconditionFailed"},
                          {"minio", 200, 412, 200, 412, "PreconditionFailed", "PreconditionFailed"},
                          {"r2", 200, 412, 200, 412, "PreconditionFailed", "PreconditionFailed"},
                          {"b2", 501, 501, 501, 501, "NotImplemented", "NotImplemented"},
                          {"rgw", 200, 412, 200, 200, "PreconditionFailed", ""},
                          {"s3proxy", 200, 412, 200, 200, "PreconditionFailed", ""},
                          {"swift", 501, 501, 200, 412, "NotImplemented", "PreconditionFailed"}}) {
        like(row.store);
        EXPECT_EQ(put("z", "v", none).status, row.put_free) << row.store;
        ASSERT_TRUE(server->remove("bkt", "z"));
        if (row.store == "b2") (void)put("other", "v");  // takes the passing 400
        EXPECT_EQ(upload({1}, none).status, row.complete_free) << row.store;
        ASSERT_TRUE(server->put("bkt", "z", "taken"));
        const Answer sent = put("z", "v", none);
        EXPECT_EQ(sent.status, row.put_taken) << row.store;
        EXPECT_EQ(sent.code(), row.put_code) << row.store;
        const Answer done = upload({1}, none);
        EXPECT_EQ(done.status, row.complete_taken) << row.store;
        EXPECT_EQ(done.code(), row.complete_code) << row.store;
    }
    like("oss");
    client->host = "bkt.localhost";
    const Answer sent = client->call("PUT", "/z", {}, "v", none);
    EXPECT_EQ(sent.status, 400);
    EXPECT_EQ(sent.code(), "NotImplemented");
    const std::string id = client->call("POST", "/z", "uploads=").xml("UploadId");
    const Answer done = client->call("POST", "/z", "uploadId=" + id, complete_xml({}), none);
    EXPECT_EQ(done.status, 501);
}

}  // namespace
}  // namespace s3sim::test
