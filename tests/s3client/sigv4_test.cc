// SigV4 against the examples S3 publishes (sig-v4-header-based-auth.html,
// sigv4-query-string-auth.html), and against canonical requests written out by hand from the rules.
#include "s3client/sigv4.h"

#include <gtest/gtest.h>
#include <string>

#include "base/encoding.h"

namespace s3client {
namespace {

const Credentials kExampleKeys{
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}};
constexpr std::string_view kRegion = "us-east-1";

base::UtcTime example_time() { return *base::parse_rfc3339("2013-05-24T00:00:00Z"); }

HttpRequest example(std::string method, std::string path) {
    HttpRequest request;
    request.method = std::move(method);
    request.host = "examplebucket.s3.amazonaws.com";
    request.path = std::move(path);
    return request;
}

std::string authorization_of(HttpRequest request, const PayloadHash& payload) {
    Signer signer;
    signer.sign(request, payload, kExampleKeys, kRegion, example_time());
    return *request.find_header("authorization");
}

std::string expected(std::string_view signed_headers, std::string_view signature) {
    std::string text =
        "AWS4-HMAC-SHA256 "
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=";
    return text.append(signed_headers).append(",Signature=").append(signature);
}

TEST(SigV4Vector, GetObjectWithRange) {
    HttpRequest request = example("GET", "/test.txt");
    request.set_header("range", "bytes=0-9");
    EXPECT_EQ(authorization_of(request, PayloadHash::empty()),
              expected("host;range;x-amz-content-sha256;x-amz-date",
                       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

TEST(SigV4Vector, PutObject) {
    HttpRequest request = example("PUT", "/test%24file.text");
    request.set_header("date", "Fri, 24 May 2013 00:00:00 GMT");
    request.set_header("x-amz-storage-class", "REDUCED_REDUNDANCY");
    EXPECT_EQ(authorization_of(request, PayloadHash::of(base::as_bytes("Welcome to Amazon S3."))),
              expected("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(SigV4Vector, GetBucketLifecycle) {
    HttpRequest request = example("GET", "/");
    request.query = {{"lifecycle", ""}};
    EXPECT_EQ(authorization_of(request, PayloadHash::empty()),
              expected("host;x-amz-content-sha256;x-amz-date",
                       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(SigV4Vector, ListObjects) {
    HttpRequest request = example("GET", "/");
    request.query = {{"prefix", "J"}, {"max-keys", "2"}};
    EXPECT_EQ(authorization_of(request, PayloadHash::empty()),
              expected("host;x-amz-content-sha256;x-amz-date",
                       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SigV4Vector, PresignedGet) {
    Signer signer;
    const auto url = signer.presign(example("GET", "/test.txt"), "https", kExampleKeys, kRegion,
                                    86400, example_time());
    ASSERT_TRUE(url);
    EXPECT_EQ(*url,
              "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
              "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
              "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
              "&X-Amz-Signature="
              "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(SigV4Vector, StringToSignOfThePublishedExample) {
    HttpRequest request = example("GET", "/test.txt");
    request.set_header("range", "bytes=0-9");
    request.set_header("x-amz-date", "20130524T000000Z");
    request.set_header("x-amz-content-sha256", PayloadHash::empty().value());
    const CanonicalRequest canonical = canonical_request(request, PayloadHash::empty().value());
    EXPECT_EQ(string_to_sign("20130524T000000Z", credential_scope("20130524T000000Z", kRegion),
                             canonical.text),
              "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
              "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
}

// The second part of S3's own HMAC: RFC 4231 test cases 1, 2 and 6 (a key longer than a block).
TEST(Hmac, Rfc4231) {
    const std::string key1(20, '\x0b');
    EXPECT_EQ(base::hex(hmac_sha256(base::as_bytes(key1), base::as_bytes("Hi There"))),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(base::hex(hmac_sha256(base::as_bytes("Jefe"),
                                    base::as_bytes("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    const std::string key6(131, '\xaa');
    EXPECT_EQ(base::hex(hmac_sha256(
                  base::as_bytes(key6),
                  base::as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Sha256, OfNothingIsTheEmptyHash) {
    EXPECT_EQ(PayloadHash::of({}).value(), PayloadHash::empty().value());
    EXPECT_EQ(PayloadHash::unsigned_payload().value(), "UNSIGNED-PAYLOAD");
}

// ---- canonical requests, by the rules

std::string canonical_text(const HttpRequest& request) {
    return canonical_request(request, "HASH").text;
}

TEST(CanonicalRequest, KeepsThePathAsItIs) {
    for (const char* path : {"/a//b", "/a/../b", "/./a", "/a%20b", "/%E2%82%AC", "/a%2Bb", "//"}) {
        HttpRequest request = example("GET", path);
        EXPECT_EQ(
            canonical_text(request),
            std::string("GET\n") + path + "\n\nhost:examplebucket.s3.amazonaws.com\n\nhost\nHASH");
    }
}

struct QueryCase {
    std::vector<NameValue> query;
    std::string encoded;
};

TEST(CanonicalRequest, SortsAndEncodesTheQuery) {
    const QueryCase cases[] = {
        {{}, ""},
        {{{"uploads", ""}}, "uploads="},
        {{{"prefix", "a b"}}, "prefix=a%20b"},
        {{{"prefix", "a+b=c&d"}}, "prefix=a%2Bb%3Dc%26d"},
        {{{"prefix", "a/b"}}, "prefix=a%2Fb"},
        {{{"prefix", "Grüße €"}}, "prefix=Gr%C3%BC%C3%9Fe%20%E2%82%AC"},
        {{{"prefix", "-._~"}}, "prefix=-._~"},
        {{{"prefix", "a*b'(c)!"}}, "prefix=a%2Ab%27%28c%29%21"},
        {{{"b", "2"}, {"a", "1"}}, "a=1&b=2"},
        {{{"a", "2"}, {"a", "1"}, {"a", ""}}, "a=&a=1&a=2"},
        {{{"uploadId", "x"}, {"partNumber", "7"}}, "partNumber=7&uploadId=x"},
        {{{"b", ""}, {"B", ""}, {"_", ""}}, "B=&_=&b="},
        // By encoded name: '%7B' of '{' comes before 'a', though '{' itself comes after.
        {{{"a", ""}, {"{", ""}}, "%7B=&a="},
        {{{"a-b", ""}, {"a", "z"}}, "a=z&a-b="},
    };
    for (const QueryCase& c : cases) {
        HttpRequest request = example("GET", "/");
        request.query = c.query;
        EXPECT_EQ(canonical_text(request),
                  "GET\n/\n" + c.encoded + "\nhost:examplebucket.s3.amazonaws.com\n\nhost\nHASH");
    }
}

TEST(CanonicalRequest, FoldsWhiteSpaceInHeaderValues) {
    HttpRequest request = example("GET", "/");
    request.headers = {{"x-amz-meta-a", "  a   b \t c  "},
                       {"x-amz-meta-b", ""},
                       {"x-amz-meta-c", "  "},
                       {"x-amz-meta-d", "\"a   b\""}};
    EXPECT_EQ(canonical_text(request),
              "GET\n/\n\nhost:examplebucket.s3.amazonaws.com\nx-amz-meta-a:a b c\nx-amz-meta-b:\n"
              "x-amz-meta-c:\nx-amz-meta-d:\"a b\"\n\n"
              "host;x-amz-meta-a;x-amz-meta-b;x-amz-meta-c;x-amz-meta-d\nHASH");
}

TEST(CanonicalRequest, JoinsRepeatedHeadersInOrder) {
    HttpRequest request = example("GET", "/");
    request.headers = {
        {"x-amz-meta-z", "2"}, {"a", "x"}, {"x-amz-meta-z", " 1 "}, {"x-amz-meta-z", "3"}};
    EXPECT_EQ(canonical_text(request),
              "GET\n/\n\na:x\nhost:examplebucket.s3.amazonaws.com\nx-amz-meta-z:2,1,3\n\n"
              "a;host;x-amz-meta-z\nHASH");
}

TEST(CanonicalRequest, LeavesOutWhatTheTransportMayChange) {
    HttpRequest request = example("PUT", "/k");
    request.headers = {{"user-agent", "s3zipd"}, {"expect", "100-continue"},
                       {"connection", "close"},  {"te", "x"},
                       {"trailer", "x"},         {"transfer-encoding", "chunked"},
                       {"upgrade", "x"},         {"x-amzn-trace-id", "x"},
                       {"authorization", "old"}, {"content-type", "a/b"}};
    EXPECT_EQ(canonical_text(request),
              "PUT\n/k\n\ncontent-type:a/b\nhost:examplebucket.s3.amazonaws.com\n\n"
              "content-type;host\nHASH");
}

TEST(Signer, SignsTheSessionTokenAndForgetsAnOldOne) {
    Signer signer;
    Credentials session = kExampleKeys;
    session.session_token = "the-token";
    HttpRequest request = example("GET", "/k");
    signer.sign(request, PayloadHash::empty(), session, kRegion, example_time());
    EXPECT_EQ(*request.find_header("x-amz-security-token"), "the-token");
    EXPECT_NE(request.find_header("authorization")->find("x-amz-date;x-amz-security-token,"),
              std::string::npos);

    signer.sign(request, PayloadHash::empty(), kExampleKeys, kRegion, example_time());
    EXPECT_EQ(request.find_header("x-amz-security-token"), nullptr);
    EXPECT_EQ(*request.find_header("authorization"),
              authorization_of(example("GET", "/k"), PayloadHash::empty()));
}

TEST(Signer, SigningAgainReplacesWhatItSet) {
    Signer signer;
    HttpRequest request = example("GET", "/k");
    signer.sign(request, PayloadHash::empty(), kExampleKeys, kRegion,
                example_time() + std::chrono::hours(30));
    signer.sign(request, PayloadHash::empty(), kExampleKeys, kRegion, example_time());
    EXPECT_EQ(*request.find_header("authorization"),
              authorization_of(example("GET", "/k"), PayloadHash::empty()));
    EXPECT_EQ(request.headers.size(), 3U);
}

// More (secret, day, region) than keys are kept, twice over: a stale or mixed-up key shows.
TEST(Signer, KeepsKeysOfDaysRegionsAndSecretsApart) {
    Signer shared;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 12; ++i) {
            const Credentials keys{"A", i % 2 == 0 ? "even" : "odd", "", {}};
            const std::string region =
                i % 3 == 0 ? "us-east-1" : "eu-west-" + std::to_string(i % 3);
            const base::UtcTime now = example_time() + std::chrono::days(i % 4);
            HttpRequest one = example("GET", "/k");
            HttpRequest other = one;
            shared.sign(one, PayloadHash::empty(), keys, region, now);
            Signer().sign(other, PayloadHash::empty(), keys, region, now);
            EXPECT_EQ(*one.find_header("authorization"), *other.find_header("authorization"));
        }
    }
}

TEST(Presign, CarriesTheOperationsOwnParametersAndTheToken) {
    Signer signer;
    Credentials session = kExampleKeys;
    session.session_token = "a/b+c=";
    HttpRequest request = example("GET", "/a%20b.zip");
    request.host = "127.0.0.1:9000";
    request.query = {{"response-content-disposition", "attachment; filename=\"x y.zip\""}};
    const auto url = signer.presign(request, "http", session, "eu-west-1", 60, example_time());
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->starts_with("http://127.0.0.1:9000/a%20b.zip?X-Amz-Algorithm=")) << *url;
    EXPECT_NE(url->find("&X-Amz-Security-Token=a%2Fb%2Bc%3D&"), std::string::npos) << *url;
    EXPECT_NE(url->find("&response-content-disposition=attachment%3B%20filename%3D%22x%20y.zip%22"
                        "&X-Amz-Signature="),
              std::string::npos)
        << *url;
}

TEST(Presign, BoundsItsLife) {
    Signer signer;
    for (const std::uint64_t expires_s : {std::uint64_t{0}, kPresignExpiresMax_s + 1}) {
        const auto url = signer.presign(example("GET", "/k"), "https", kExampleKeys, kRegion,
                                        expires_s, example_time());
        ASSERT_FALSE(url);
        EXPECT_EQ(url.error().code, "bad_expiry");
    }
    EXPECT_TRUE(signer.presign(example("GET", "/k"), "https", kExampleKeys, kRegion,
                               kPresignExpiresMax_s, example_time()));
}

}  // namespace
}  // namespace s3client
