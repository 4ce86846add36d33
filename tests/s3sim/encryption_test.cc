// Server-side encryption: who may choose it, who must bring the customer's key, what is shown.
#include <fmt/format.h>

#include "base/encoding.h"
#include "client.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

constexpr std::string_view kSse = "x-amz-server-side-encryption";

Headers customer_key(char fill) {
    const std::string key(32, fill);
    const std::string prefix = std::string(kSse) + "-customer-";
    return {{prefix + "algorithm", "AES256"},
            {prefix + "key", base::base64(base::as_bytes(key))},
            {prefix + "key-md5", base::base64(base::as_bytes(md5(base::as_bytes(key))))}};
}

Headers operator+(Headers a, const Headers& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

const Headers kA = customer_key('a'), kB = customer_key('b');
const Headers kKms = {{std::string(kSse), "aws:kms"}};

class EncryptionTest : public ServerTest {
  protected:
    void SetUp() override { start(); }
    Answer put(const std::string& key, const Headers& headers) {
        return client->call("PUT", "/bkt/" + key, {}, "hello", headers);
    }
    Answer get(const std::string& key, const Headers& headers) {
        return client->call("GET", "/bkt/" + key, {}, {}, headers);
    }
    Answer part(const std::string& id, const Headers& headers) {
        return client->call("PUT", "/bkt/k", "partNumber=1&uploadId=" + id, "hello",
                            Headers{{"x-amz-checksum-crc32", crc_base64("hello")}} + headers);
    }
};

TEST_F(EncryptionTest, ACustomersObjectIsReadWithItsKeyOnly) {
    const Answer done = put("k", kA);
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(done.headers.at("x-amz-server-side-encryption-customer-algorithm"), "AES256");
    EXPECT_EQ(get("k", kA).body, "hello");
    EXPECT_EQ(client->call("HEAD", "/bkt/k", {}, {}, kA).status, 200);

    EXPECT_EQ(get("k", {}).code(), "InvalidRequest");
    EXPECT_EQ(client->call("HEAD", "/bkt/k").status, 400);
    EXPECT_EQ(get("k", kB).status, 403);
    EXPECT_EQ(get("k", kB).code(), "AccessDenied");
    put("plain", {});
    EXPECT_EQ(get("plain", kA).code(), "InvalidRequest");
}

TEST_F(EncryptionTest, TheKeyItselfIsNeverShown) {
    const Answer done = put("k", kA), head = client->call("HEAD", "/bkt/k", {}, {}, kA);
    for (const Answer& answer : {done, head, get("k", kA)}) {
        EXPECT_FALSE(answer.head.contains(kA[1].second)) << answer.head;
        EXPECT_EQ(answer.headers.at("x-amz-server-side-encryption-customer-key-md5"), kA[2].second);
    }
    for (const auto& [name, value] : server->head("bkt", "k")->headers)
        EXPECT_NE(value, kA[1].second) << name;
}

TEST_F(EncryptionTest, AKeyMustBeWhole) {
    for (std::size_t without = 0; without < 3; ++without) {
        Headers some = kA;
        some.erase(some.begin() + static_cast<std::ptrdiff_t>(without));
        EXPECT_EQ(put("k", some).code(), "InvalidArgument") << kA[without].first;
    }
    Headers wrong = kA;
    wrong[2] = kB[2];
    EXPECT_EQ(put("k", wrong).code(), "InvalidArgument") << "another key's MD5";
    wrong = kA;
    wrong[1].second = "c2hvcnQ=";
    EXPECT_EQ(put("k", wrong).code(), "InvalidArgument") << "no 32 bytes";
    wrong = kA;
    wrong[0].second = "DES";
    EXPECT_EQ(put("k", wrong).code(), "InvalidEncryptionAlgorithmError");
    EXPECT_EQ(put("k", kA + kKms).code(), "InvalidArgument") << "both at once";
}

TEST_F(EncryptionTest, EveryPartOfACustomersUploadBringsTheKey) {
    const std::string id = create("k", kA + Headers{{"x-amz-checksum-algorithm", "CRC32"},
                                                    {"x-amz-checksum-type", "FULL_OBJECT"}});
    ASSERT_FALSE(id.empty());
    EXPECT_EQ(part(id, {}).code(), "InvalidRequest");
    EXPECT_EQ(part(id, kB).code(), "InvalidRequest");
    const Answer sent = part(id, kA);
    ASSERT_EQ(sent.status, 200) << sent.body;

    const std::string list = "uploadId=" + id;
    EXPECT_EQ(client->call("GET", "/bkt/k", list).code(), "InvalidRequest");
    EXPECT_EQ(client->call("GET", "/bkt/k", list, {}, kA).status, 200);
    const std::string xml = complete_xml({part_xml(1, sent.headers.at("etag"))});
    EXPECT_EQ(client->call("POST", "/bkt/k", list, xml).code(), "InvalidRequest");
    EXPECT_EQ(client->call("POST", "/bkt/k", list, xml, kA).status, 200);
    EXPECT_EQ(get("k", kA).body, "hello");
}

TEST_F(EncryptionTest, AnUploadWithoutAKeyTakesNone) {
    const std::string id = create("k");
    EXPECT_EQ(part(id, kA).code(), "InvalidRequest");
}

TEST_F(EncryptionTest, ACopyNeedsTheSourcesKey) {
    put("source", kA);
    const std::string id = create("k");
    const auto copy = [&](Headers headers) {
        headers.emplace_back("x-amz-copy-source", "/bkt/source");
        return client->call("PUT", "/bkt/k", "partNumber=1&uploadId=" + id, {}, headers);
    };
    EXPECT_EQ(copy({}).code(), "InvalidRequest");
    Headers source;
    for (const auto& [name, value] : kA)
        source.emplace_back("x-amz-copy-source-" + name.substr(6), value);
    EXPECT_EQ(copy(source).status, 200);
}

TEST_F(EncryptionTest, KmsIsChosenAtTheBeginningOnly) {
    const Headers all = kKms + Headers{{"x-amz-server-side-encryption-aws-kms-key-id", "key-1"},
                                       {"x-amz-server-side-encryption-bucket-key-enabled", "true"},
                                       {"x-amz-server-side-encryption-context", "eyJhIjoiYiJ9"}};
    ASSERT_EQ(put("k", all).status, 200);
    const Answer head = client->call("HEAD", "/bkt/k");
    EXPECT_EQ(head.headers.at("x-amz-server-side-encryption"), "aws:kms");
    EXPECT_EQ(head.headers.at("x-amz-server-side-encryption-aws-kms-key-id"), "key-1");
    EXPECT_EQ(head.headers.at("x-amz-server-side-encryption-bucket-key-enabled"), "true");
    EXPECT_FALSE(head.headers.contains("x-amz-server-side-encryption-context"));

    const std::string id = create("k", all);
    for (const auto& [name, value] : all) {
        EXPECT_EQ(get("k", {{name, value}}).code(), "InvalidArgument") << name;
        EXPECT_EQ(client->call("HEAD", "/bkt/k", {}, {}, {{name, value}}).status, 400) << name;
        EXPECT_EQ(part(id, {{name, value}}).code(), "InvalidArgument") << name;
    }
    EXPECT_EQ(client->call("GET", "/bkt", "list-type=2", {}, kA).code(), "InvalidArgument");
}

TEST_F(EncryptionTest, OddChoicesAreRefused) {
    EXPECT_EQ(put("k", {{std::string(kSse), "rot13"}}).code(), "InvalidArgument");
    EXPECT_EQ(put("k", {{"x-amz-server-side-encryption-aws-kms-key-id", "x"}}).code(),
              "InvalidArgument");
    EXPECT_EQ(put("k", kKms + Headers{{"x-amz-server-side-encryption-context", "{}"}}).code(),
              "InvalidArgument");
    EXPECT_EQ(
        put("k", kKms + Headers{{"x-amz-server-side-encryption-bucket-key-enabled", "yes"}}).code(),
        "InvalidArgument");
    EXPECT_EQ(put("k", {{std::string(kSse), "aws:kms:dsse"}}).status, 200);
}

TEST_F(EncryptionTest, OnlyPlainEtagsAreMd5s) {
    const std::string plain =
        '"' + base::hex(base::as_bytes(md5(base::as_bytes(std::string_view("hello"))))) + '"';
    EXPECT_EQ(put("k", {}).headers.at("etag"), plain);
    EXPECT_EQ(put("k", {{std::string(kSse), "AES256"}}).headers.at("etag"), plain);
    for (const Headers& secret : {kA, kKms}) {
        const std::string etag = put("k", secret).headers.at("etag");
        EXPECT_NE(etag, plain);
        EXPECT_NE(etag, put("k", secret).headers.at("etag")) << "of another write";
        const std::string id = create("k", secret);
        EXPECT_NE(part(id, secret == kA ? kA : Headers{}).headers.at("etag"), plain);
    }
}

TEST_F(EncryptionTest, TheAnswerToAKmsCompleteHasNoChecksum) {
    const std::string id = create("k", kKms + Headers{{"x-amz-checksum-algorithm", "CRC32"},
                                                      {"x-amz-checksum-type", "FULL_OBJECT"}});
    const std::string etag = part(id, {}).headers.at("etag");
    const Answer done =
        client->call("POST", "/bkt/k", "uploadId=" + id, complete_xml({part_xml(1, etag)}));
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(done.xml("ChecksumCRC32"), "");
    EXPECT_EQ(client->call("HEAD", "/bkt/k", {}, {}, {{"x-amz-checksum-mode", "ENABLED"}})
                  .headers.at("x-amz-checksum-crc32"),
              crc_base64("hello"));
}

}  // namespace
}  // namespace s3sim::test
