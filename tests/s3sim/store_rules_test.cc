// --like STORE: addresses, answers and habits of stores; the race for a key; rules about headers.
#include "profile_fixture.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

using testing::HasSubstr;

using StoreRules = ProfileTest;

// "hello hello ..." as `gzip -n` packs it.
const std::string kPlain = [] {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "hello ";
    return text;
}();
const std::string kPacked = [] {
    // A gzip member with one stored block: RFC 1952, RFC 1951 3.2.4.
    const auto little = [](std::uint32_t value, int bytes) {
        std::string out;
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
        return out;
    };
    const auto size = static_cast<std::uint32_t>(kPlain.size());
    return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) + '\1' + little(size, 2) +
           little(~size, 2) + kPlain + little(crc32(0, base::as_bytes(kPlain)), 4) +
           little(size, 4);
}();

TEST_F(StoreRules, GunzipsUnlessGzipIsAccepted) {
    const auto get = [&](std::string_view method, Headers headers) {
        return client->call(method, "/bkt/k", {}, {}, std::move(headers));
    };
    for (const std::string store : {"gcs", "aws"}) {
        like(store);
        ASSERT_EQ(put("k", kPacked, {{"content-encoding", "gzip"}}).status, 200);
        ASSERT_EQ(put("plain", kPlain).status, 200);
        const Answer stored = get("GET", {{"accept-encoding", "br, gzip;q=0.5"}});
        EXPECT_EQ(stored.body, kPacked);
        EXPECT_EQ(stored.headers.at("content-encoding"), "gzip");
        const Answer range = get("GET", {{"accept-encoding", "gzip"}, {"range", "bytes=0-9"}});
        EXPECT_EQ(range.status, 206);
        EXPECT_EQ(range.body, kPacked.substr(0, 10));
        EXPECT_EQ(client->call("GET", "/bkt/plain", {}, {}, {{"range", "bytes=0-4"}}).body,
                  "hello");
    }
    EXPECT_EQ(get("GET", {{"range", "bytes=0-9"}}).body, kPacked.substr(0, 10));  // aws
    like("gcs");
    ASSERT_EQ(put("k", kPacked, {{"content-encoding", "gzip"}}).status, 200);
    const Answer decoded = get("GET", {{"range", "bytes=0-9"}});
    EXPECT_EQ(decoded.status, 200);
    EXPECT_EQ(decoded.body, kPlain);
    EXPECT_EQ(decoded.headers.at("transfer-encoding"), "chunked");
    for (const char* name : {"content-length", "content-range", "content-encoding"})
        EXPECT_FALSE(decoded.headers.contains(name)) << name;
    EXPECT_EQ(decoded.headers.at("x-goog-stored-content-length"), std::to_string(kPacked.size()));
    const Answer head = get("HEAD", {});
    EXPECT_EQ(head.status, 200);
    EXPECT_FALSE(head.headers.contains("content-length"));
    // What only claims to be gzip is served as it is.
    ASSERT_EQ(put("k", "no gzip", {{"content-encoding", "gzip"}}).status, 200);
    EXPECT_EQ(get("GET", {}).body, "no gzip");
    ASSERT_EQ(put("k", kPacked.substr(0, 50), {{"content-encoding", "gzip"}}).status, 200);
    EXPECT_EQ(get("GET", {}).body, kPacked.substr(0, 50));
}

TEST_F(StoreRules, PathsDoNotNameBucketsOnOss) {
    like("oss");
    client->host = "127.0.0.1";
    const Answer refused = put("k", "v");
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.code(), "SecondLevelDomainForbidden");
    client->host = "bkt.localhost";
    EXPECT_EQ(client->call("PUT", "/k", {}, "v").status, 200);
    EXPECT_EQ(client->call("GET", "/k").body, "v");
    EXPECT_EQ(server->get("bkt", "k"), "v");
}

TEST_F(StoreRules, TheRegionAuto) {
    for (const auto& [store, region, status] :
         std::vector<std::tuple<std::string, std::string, int>>{{"r2", "auto", 200},
                                                                {"r2", "us-east-1", 200},
                                                                {"r2", "eu-west-1", 400},
                                                                {"aws", "auto", 400}}) {
        like(store);
        client->region = region;
        EXPECT_EQ(put("k", "v").status, status) << store << ' ' << region;
    }
}

TEST_F(StoreRules, APassing400) {
    like("b2");
    const Answer first = put("k", "v");
    EXPECT_EQ(first.status, 400);
    EXPECT_EQ(first.code(), "InvalidRequest");
    EXPECT_EQ(first.xml("Message"), "The request body was too small");
    for (int i = 1; i < 7; ++i) EXPECT_EQ(put("k", "v").status, 200) << i;
    const std::string id = begin().xml("UploadId");
    EXPECT_EQ(part(id, 1, "x").code(), "InvalidRequest");
    EXPECT_EQ(part(id, 1, "x").status, 200);
    EXPECT_EQ(client->call("GET", "/bkt/k").status, 200);  // reads are not concerned
}

TEST_F(StoreRules, UploadsThatAreGone) {
    for (const std::string store : {"aws", "rgw"}) {
        like(store);
        const bool aws = store == "aws";
        const std::string id = begin().xml("UploadId");
        const std::string query = "uploadId=" + id;
        const std::string etag = part(id, 1, "x").headers["etag"];
        ASSERT_EQ(client->call("DELETE", "/bkt/z", query).status, 204);
        EXPECT_EQ(part(id, 1, "x").code(), "NoSuchUpload");
        EXPECT_EQ(client->call("DELETE", "/bkt/z", query).code(), "NoSuchUpload");
        const Answer listed = client->call("GET", "/bkt/z", query);
        EXPECT_EQ(listed.status, 404);
        EXPECT_EQ(listed.code(), aws ? "NoSuchUpload" : "NoSuchKey");
        const Answer done = complete(id, {part_xml(1, etag)});
        EXPECT_EQ(done.status, aws ? 404 : 500);
        EXPECT_EQ(done.code(), aws ? "NoSuchUpload" : "InternalError");
        EXPECT_EQ(listed.xml("Message").empty(), !aws) << "rgw sends codes without a message";
    }
}

TEST_F(StoreRules, TheEtagInCompletesAnswer) {
    like("rgw");
    const Answer done = upload({1});
    EXPECT_EQ(done.status, 200);
    EXPECT_THAT(done.body, HasSubstr("<ETag></ETag>"));
    EXPECT_THAT(client->call("HEAD", "/bkt/z").headers.at("etag"), testing::EndsWith("-1\""));
    like("aws");
    EXPECT_THAT(upload({1}).xml("ETag"), testing::EndsWith("-1\""));
}

TEST_F(StoreRules, TheOrderOfParts) {
    for (const std::string store : {"aws", "rgw"}) {
        like(store);
        const std::string id = begin().xml("UploadId");
        const std::string one = part(id, 1, kPart).headers["etag"];
        const std::string two = part(id, 2, "end").headers["etag"];
        const Answer done = complete(id, {part_xml(2, two), part_xml(1, one)});
        EXPECT_EQ(done.code(), store == "aws" ? "InvalidPartOrder" : "");
        if (store == "rgw") {
            EXPECT_TRUE(server->get("bkt", "z") == kPart + "end");
        }
    }
}

TEST_F(StoreRules, ReadsOfAPart) {
    for (const auto& [store, status, body] : std::vector<std::tuple<std::string, int, std::string>>{
             {"aws", 206, "end"}, {"rgw", 200, kPart + "end"}, {"swift", 405, ""}}) {
        like(store);
        const std::string id = begin().xml("UploadId");
        const std::string one = part(id, 1, kPart).headers["etag"];
        const std::string two = part(id, 2, "end").headers["etag"];
        ASSERT_EQ(complete(id, {part_xml(1, one), part_xml(2, two)}).status, 200);
        const Answer read = client->call("GET", "/bkt/z", "partNumber=2");
        EXPECT_EQ(read.status, status) << store;
        if (status < 300) {
            EXPECT_TRUE(read.body == body) << store;
        }
    }
}

TEST_F(StoreRules, ListsOfUploads) {
    const auto listed = [&](std::string_view prefix) {
        return client->call("GET", "/bkt", fmt::format("prefix={}&uploads=", prefix))
            .all("UploadId")
            .size();
    };
    for (const auto& [store, by_part, by_key] :
         std::vector<std::tuple<std::string, std::size_t, std::size_t>>{
             {"aws", 1, 1}, {"minio", 0, 1}, {"seaweedfs", 3, 3}}) {
        like(store);
        ASSERT_EQ(client->call("POST", "/bkt/folder/name", "uploads=").status, 200);
        EXPECT_EQ(listed("folder"), by_part) << store;
        EXPECT_EQ(listed(""), by_part) << store;
        EXPECT_EQ(listed("folder%2Fname"), by_key) << store;
    }
}

TEST_F(StoreRules, ObjectsAndFoldersOfOneName) {
    like("minio");
    ASSERT_EQ(put("a/b", "v").status, 200);
    EXPECT_EQ(put("a", "v").code(), "XMinioObjectExistsAsDirectory");
    EXPECT_EQ(put("a", "v").status, 409);
    EXPECT_EQ(put("a/b/c", "v").code(), "XMinioParentIsObject");
    EXPECT_EQ(put("a/c", "v").status, 200);
    EXPECT_EQ(put("ab", "v").status, 200);
    EXPECT_EQ(put("z/below", "v").status, 200);
    EXPECT_EQ(upload({1}).code(), "XMinioObjectExistsAsDirectory");
    like("aws");
    ASSERT_EQ(put("a/b", "v").status, 200);
    EXPECT_EQ(put("a", "v").status, 200);
}

TEST_F(StoreRules, APartThatIsCutSpoilsItsUpload) {
    for (const std::string store : {"s3proxy", "aws"}) {
        like(store);
        const std::string id = begin().xml("UploadId");
        const Answer first = part(id, 1, kPart);
        ASSERT_EQ(first.status, 200);
        const Answer whole = part(id, 2, "end");
        Client cut(server->port());
        cut.body_cut = 3;
        EXPECT_EQ(
            cut.call("PUT", "/bkt/z", fmt::format("partNumber=2&uploadId={}", id), "endend").status,
            0);
        cut.disconnect();
        const std::vector<std::string> parts = {part_xml(1, first.headers.at("etag")),
                                                part_xml(2, whole.headers.at("etag"))};
        ASSERT_TRUE(until([&] {
            const Stats stats = server->stats();
            return stats.connections_accepted == 2 && stats.open_connections == 1;
        }));
        if (store == "aws") {
            EXPECT_EQ(complete(id, parts).status, 200);
            continue;
        }
        EXPECT_EQ(part(id, 2, "end").status, 500);
        EXPECT_EQ(complete(id, parts).status, 500);
        EXPECT_EQ(client->call("DELETE", "/bkt/z", "uploadId=" + id).status, 204);
        EXPECT_EQ(upload({1}).status, 200) << "another upload of the key is not concerned";
    }
}

TEST_F(StoreRules, ConnectionsThatAreClosed) {
    Options options;
    options.close_connections = true;
    like("aws", options);
    EXPECT_EQ(put("k", "v").headers.at("connection"), "close");
    like("versitygw");
    EXPECT_EQ(put("k", "v").headers.at("connection"), "close");
    EXPECT_EQ(client->call("GET", "/bkt/k").body, "v");
    EXPECT_EQ(server->stats().connections_accepted, 2U);
    like("aws");
    EXPECT_FALSE(put("k", "v").headers.contains("connection"));
}

TEST_F(StoreRules, AConditionalWriteBesideAnotherIsAConflict) {
    const Headers none = {{"if-none-match", "*"}};
    for (const std::string store : {"aws", "minio"}) {
        like(store);
        Client slow(server->port());
        slow.body_cut = 3;  // begins to send, and then waits
        slow.wait_for_answer = false;
        (void)slow.call("PUT", "/bkt/z", {}, "slowly", none);
        ASSERT_TRUE(until([&] { return server->stats().bytes_in >= 3; }));
        const Answer beside = put("z", "v", none);
        EXPECT_EQ(beside.status, store == "aws" ? 409 : 200);
        EXPECT_EQ(upload({1}, none).status, store == "aws" ? 409 : 412);
        EXPECT_EQ(put("other", "v", none).status, 200) << "another key";
        ASSERT_TRUE(slow.send_raw("wly"));
        EXPECT_EQ(slow.receive().status, store == "aws" ? 200 : 412);
        EXPECT_EQ(put("z", "v", none).status, 412) << "there is no race now";
    }
    // A client that goes away writes no more.
    like("aws");
    {
        Client gone(server->port());
        gone.body_cut = 3;
        gone.wait_for_answer = false;
        (void)gone.call("PUT", "/bkt/z", {}, "slowly", none);
        ASSERT_TRUE(until([&] { return server->stats().bytes_in >= 3; }));
        EXPECT_EQ(put("z", "v").status, 200) << "a write without a condition wins";
        ASSERT_TRUE(server->remove("bkt", "z"));
        EXPECT_EQ(put("z", "v", none).code(), "ConditionalRequestConflict");
    }
    EXPECT_TRUE(until([&] { return put("z", "v", none).status == 200; }));
}

TEST_F(StoreRules, ACompleteThatIsSentAgainIsNoOtherWriter) {
    like("aws");
    const std::string id = begin().xml("UploadId");
    const std::vector<std::string> parts = {part_xml(1, part(id, 1, "x").headers["etag"])};
    ASSERT_TRUE(server->set_faults("CompleteMultipartUpload nth=1 stall"));
    const Headers none = {{"if-none-match", "*"}};
    Client silent(server->port());
    silent.wait_for_answer = false;
    (void)silent.call("POST", "/bkt/z", "uploadId=" + id, complete_xml(parts), none);
    ASSERT_TRUE(until([&] { return server->stats().faults_fired == 1; }));
    EXPECT_EQ(put("z", "v", none).code(), "ConditionalRequestConflict");
    EXPECT_EQ(complete(id, parts, none).status, 200);
}

TEST_F(StoreRules, HeaderRules) {
    Options options;
    options.header_rules = {"If-Match@GetObject=ignore",
                            "x-amz-optional-object-attributes=400,InvalidArgument,no {} here",
                            "x-amz-meta-*@PutObject=501,NotImplemented"};
    like("aws", options);
    ASSERT_EQ(put("k", "v").status, 200);
    EXPECT_EQ(client->call("GET", "/bkt/k", {}, {}, {{"if-match", "\"other\""}}).body, "v");
    EXPECT_EQ(client->call("HEAD", "/bkt/k", {}, {}, {{"if-match", "\"other\""}}).status, 412);
    const Answer listed = client->call("GET", "/bkt", "list-type=2", {},
                                       {{"x-amz-optional-object-attributes", "RestoreStatus"}});
    EXPECT_EQ(listed.status, 400);
    EXPECT_EQ(listed.xml("Message"), "no x-amz-optional-object-attributes here");
    EXPECT_EQ(put("m", "v", {{"x-amz-meta-a", "1"}}).status, 501);
    EXPECT_EQ(begin({{"x-amz-meta-a", "1"}}).status, 200);
}

TEST_F(StoreRules, HeaderRulesThatAreWrong) {
    for (const char* text : {"", "if-match", "=ignore", "if-match=", "if-match=200,OK",
                             "if-match=400", "if-match=400,", "if-match@Nothing=ignore"}) {
        const auto rule = parse_header_rule(text);
        ASSERT_FALSE(rule) << text;
        EXPECT_EQ(rule.error().code, "bad_header_rule");
        Options options;
        options.header_rules = {text};
        EXPECT_FALSE(Server::start(options)) << text;
    }
    const auto rule = parse_header_rule("X-Amz-A*@PutObject=403,Code,a, b");
    ASSERT_TRUE(rule);
    EXPECT_EQ(rule->header, "x-amz-a*");
    EXPECT_EQ(rule->denial->message, "a, b");
    EXPECT_TRUE(rule->concerns("x-amz-acl", "PutObject"));
    EXPECT_FALSE(rule->concerns("x-amz-acl", "GetObject"));
}

}  // namespace
}  // namespace s3sim::test
