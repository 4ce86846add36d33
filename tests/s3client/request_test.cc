// What goes on the wire, and that nothing a user writes can end a line of it.
#include "s3client/request.h"

#include <gtest/gtest.h>

#include "s3client/credentials/credentials.h"
#include "s3client/response.h"
#include "s3client/sigv4.h"

namespace s3client {
namespace {

HttpRequest put_part() {
    HttpRequest request;
    request.method = "PUT";
    request.host = "b.s3.eu-west-1.amazonaws.com";
    request.path = "/a%20b";
    request.query = {{"uploadId", "u/1"}, {"partNumber", "7"}};
    request.headers = {{"x-amz-checksum-crc32", "TBHN8A=="}};
    return request;
}

TEST(RequestHead, IsWhatHttpWants) {
    EXPECT_EQ(*encode_request_head(put_part(), 5),
              "PUT /a%20b?partNumber=7&uploadId=u%2F1 HTTP/1.1\r\n"
              "host: b.s3.eu-west-1.amazonaws.com\r\n"
              "x-amz-checksum-crc32: TBHN8A==\r\n"
              "content-length: 5\r\n\r\n");
}

TEST(RequestHead, SaysNoLengthWithoutABodyAndZeroForAnEmptyOne) {
    HttpRequest request;
    request.host = "h";
    EXPECT_EQ(*encode_request_head(request, std::nullopt), "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    request.method = "POST";
    EXPECT_EQ(*encode_request_head(request, 0),
              "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
}

TEST(RequestHead, CarriesTheCanonicalQueryThatWasSigned) {
    const HttpRequest request = put_part();
    const std::string canonical = canonical_request(request, "H").text;
    const std::string query = encode_query(request.query);
    EXPECT_NE(canonical.find("\n" + query + "\n"), std::string::npos);
    EXPECT_NE(encode_request_head(request, 5)->find("?" + query + " "), std::string::npos);
}

TEST(RequestHead, PassesUtf8AndTabsInValues) {
    HttpRequest request = put_part();
    request.headers = {{"x-amz-meta-a",
                        "Gr\xc3\xbc\xc3\x9f"
                        "e\tda"}};
    EXPECT_NE(encode_request_head(request, 0)
                  ->find("x-amz-meta-a: Gr\xc3\xbc\xc3\x9f"
                         "e\tda\r\n"),
              std::string::npos);
}

TEST(RequestHead, RefusesBytesThatEndALine) {
    const std::string_view values[] = {"a\r\nx-evil: 1", "a\nb", "a\rb",
                                       "\x01",           "\x7f", std::string_view("a\0b", 3)};
    for (const std::string_view value : values) {
        HttpRequest request = put_part();
        request.set_header("x-amz-meta-a", std::string(value));
        const auto head = encode_request_head(request, 0);
        ASSERT_FALSE(head);
        EXPECT_EQ(head.error().code, "bad_header");
        EXPECT_NE(head.error().detail.find("x-amz-meta-a"), std::string::npos);
        EXPECT_EQ(head.error().detail.find("evil"), std::string::npos) << "values are not shown";
    }
}

TEST(RequestHead, RefusesBadNamesHostsPathsAndMethods) {
    const auto refused = [](auto&& change) {
        HttpRequest request = put_part();
        change(request);
        const auto head = encode_request_head(request, 0);
        return !head && head.error().kind == base::ErrorKind::invalid;
    };
    for (const char* name : {"", "a b", "a:", "a\r\n", "X-Upper", "caf\xc3\xa9"}) {
        EXPECT_TRUE(refused([&](HttpRequest& r) { r.headers = {{name, "v"}}; })) << name;
    }
    for (const char* path : {"", "a", "/a b", "/a\r\n", "/a?b", "/\xc3\xa9"}) {
        EXPECT_TRUE(refused([&](HttpRequest& r) { r.path = path; })) << path;
    }
    EXPECT_TRUE(refused([](HttpRequest& r) { r.host = ""; }));
    EXPECT_TRUE(refused([](HttpRequest& r) { r.host = "h\r\nx: y"; }));
    EXPECT_TRUE(refused([](HttpRequest& r) { r.method = "GET /"; }));
}

TEST(HttpRequest, SetHeaderReplacesInPlace) {
    HttpRequest request;
    request.set_header("a", "1");
    request.set_header("b", "2");
    request.set_header("a", "3");
    EXPECT_EQ(request.headers, (std::vector<NameValue>{{"a", "3"}, {"b", "2"}}));
    EXPECT_EQ(*request.find_header("b"), "2");
    EXPECT_EQ(request.find_header("c"), nullptr);
}

// ---- credentials

TEST(Credentials, ComeFromTheEnvironment) {
    auto provider = environment_credentials(fixed_environment({{"AWS_ACCESS_KEY_ID", "AKIA"},
                                                               {"AWS_SECRET_ACCESS_KEY", "s3cr3t"},
                                                               {"AWS_SESSION_TOKEN", "tok"}}));
    ASSERT_TRUE(provider);
    const auto snapshot = (*provider)->get();
    ASSERT_TRUE(snapshot);
    EXPECT_EQ((*snapshot)->access_key_id, "AKIA");
    EXPECT_EQ((*snapshot)->secret_access_key, "s3cr3t");
    EXPECT_EQ((*snapshot)->session_token, "tok");
    EXPECT_FALSE((*snapshot)->expires_at);
}

TEST(Credentials, NoneIsAnErrorOnlyWhenTheyAreNeeded) {
    // Set but empty counts as not set.
    auto provider = environment_credentials(fixed_environment({{"AWS_ACCESS_KEY_ID", ""}}));
    ASSERT_TRUE(provider);
    const auto snapshot = (*provider)->get();
    ASSERT_FALSE(snapshot);
    EXPECT_EQ(snapshot.error().kind, base::ErrorKind::denied);
    EXPECT_EQ(snapshot.error().code, "no_credentials");
}

TEST(Credentials, HalfAPairIsRefused) {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
        const auto provider = environment_credentials(fixed_environment({{name, "x"}}));
        ASSERT_FALSE(provider) << name;
        EXPECT_EQ(provider.error().code, "bad_credentials");
    }
}

TEST(Credentials, PastedWhiteSpaceIsRefusedWithoutShowingIt) {
    const Credentials bad[] = {
        {"id\n", "secret", "", {}}, {"id", "sec ret", "", {}}, {"id", "secret", "to\rken", {}}};
    for (const Credentials& credentials : bad) {
        const auto provider = static_credentials(credentials);
        ASSERT_FALSE(provider);
        EXPECT_EQ(provider.error().code, "bad_credentials");
        EXPECT_EQ(provider.error().detail.find("sec ret"), std::string::npos);
    }
    EXPECT_TRUE(static_credentials({"id", "a/b+c=", "tok==", {}}));
}

// ---- response heads

TEST(ResponseHead, FindsHeadersInAnyCase) {
    ResponseHead head;
    head.headers = {{"x-amz-request-id", "1"}, {"etag", "\"e\""}, {"etag", "second"}};
    EXPECT_EQ(*head.find("ETag"), "\"e\"");
    EXPECT_EQ(head.get("X-Amz-Request-Id"), "1");
    EXPECT_EQ(head.find("etags"), nullptr);
    EXPECT_EQ(head.get("x"), "");
}

TEST(ContentRange, Parses) {
    const auto range = parse_content_range("bytes 0-9/443");
    ASSERT_TRUE(range);
    EXPECT_EQ(range->first, 0U);
    EXPECT_EQ(range->last, 9U);
    EXPECT_EQ(range->size, 443U);
    EXPECT_FALSE(parse_content_range("bytes 5-5/*")->size);
}

TEST(ContentRange, RefusesAllElse) {
    for (const char* text :
         {"", "bytes", "bytes */443", "bytes 0-9", "bytes 0-9/", "bytes 9-0/443", "bytes 0-9/9",
          "bytes 0-9/443x", "bytes=0-9/443", "bytes -9/443", "bytes 0-/443",
          "bytes 0-99999999999999999999/443", "octets 0-9/443"}) {
        const auto range = parse_content_range(text);
        ASSERT_FALSE(range) << text;
        EXPECT_EQ(range.error().kind, base::ErrorKind::corrupt);
    }
}

}  // namespace
}  // namespace s3client
