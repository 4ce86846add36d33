#include "s3client/http_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace s3client {
namespace {

TEST(HttpUrl, IsReadAsItStands) {
    struct Row {
        const char *url, *origin, *host;
        std::uint16_t port;
        const char* target;
    };
    constexpr Row kRows[] = {
        {"https://x", "https://x", "x", 443, "/"},
        {"http://x", "http://x", "x", 80, "/"},
        {"https://x/", "https://x", "x", 443, "/"},
        {"https://Hooks.Example:8443/a%20b/c?d=e&f=/?@:", "https://Hooks.Example:8443",
         "Hooks.Example", 8443, "/a%20b/c?d=e&f=/?@:"},
        {"https://x?q=1", "https://x", "x", 443, "/?q=1"},
        {"https://x:443/", "https://x", "x", 443, "/"},
        {"http://x:443/", "http://x:443", "x", 443, "/"},
        {"http://127.0.0.1:65535/", "http://127.0.0.1:65535", "127.0.0.1", 65535, "/"},
        {"https://[2001:db8::1]/p", "https://[2001:db8::1]", "2001:db8::1", 443, "/p"},
        {"https://[::1]:1/p", "https://[::1]:1", "::1", 1, "/p"},
        {"https://x.example./p", "https://x.example.", "x.example.", 443, "/p"},
        {"https://0x7f.1/", "https://0x7f.1", "0x7f.1", 443, "/"},
        {"https://x/user@host:80", "https://x", "x", 443, "/user@host:80"},
    };
    for (const Row& row : kRows) {
        const auto url = parse_http_url(row.url);
        ASSERT_TRUE(url) << row.url << ": " << url.error().detail;
        EXPECT_EQ(url->endpoint.url(), row.origin);
        EXPECT_EQ(url->endpoint.host, row.host);
        EXPECT_EQ(url->endpoint.port, row.port);
        EXPECT_EQ(url->endpoint.tls, std::string_view(row.url).starts_with("https"));
        EXPECT_EQ(url->target, row.target);
    }
}

TEST(HttpUrl, WrongOnesAreRefusedWithoutBeingToldOn) {
    const std::string label(64, 'a');
    const std::vector<std::string> wrong = {"",
                                            "x",
                                            "//x",
                                            "ftp://x/secret",
                                            "HTTPS://x/secret",
                                            "https:/x",
                                            "https://",
                                            "https:///p",
                                            "https://:80/secret",
                                            "https://?secret",
                                            "https://u@x/",
                                            "https://u:secret@x/",
                                            "https://x/#secret",
                                            "https://x:/",
                                            "https://x:0/",
                                            "https://x:65536/",
                                            "https://x:-1/",
                                            "https://x:80a/",
                                            "https://x:80:80/",
                                            "https://a..b/",
                                            "https://.a/",
                                            "https://./",
                                            "https://" + label + "/",
                                            "https://" + std::string(300, 'a') + "/",
                                            "https://a b/",
                                            "https://a%2eb/",
                                            "https://m\xc3\xbcnchen/",
                                            "https://x\\@y/",
                                            "https://[::1/",
                                            "https://[::1]x/",
                                            "https://[::1]:/",
                                            "https://[1.2.3.4]/",
                                            "https://[::1%25lo]/",
                                            "https://[]/",
                                            "https://[",
                                            "https://::1/",
                                            "https://x/a b",
                                            "https://x/a\tsecret",
                                            "https://x/\r\nsecret: 1",
                                            "https://x/a\x01",
                                            "https://x/\x7f",
                                            "https://x/\xff",
                                            "https://x/%",
                                            "https://x/%4",
                                            "https://x/%4g",
                                            "https://x/<secret>",
                                            "https://x/a\\b",
                                            "https://x/\"",
                                            std::string("https://x/\0", 11)};
    for (const std::string& text : wrong) {
        const auto url = parse_http_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().kind, base::ErrorKind::invalid);
        EXPECT_EQ(url.error().code, "bad_url");
        EXPECT_THAT(url.error().detail, testing::Not(testing::HasSubstr("secret")));
    }
}

TEST(HttpUrl, LengthIsBounded) {
    const std::string longest = "https://x/" + std::string(kHttpUrlMax_bytes - 10, 'a');
    EXPECT_TRUE(parse_http_url(longest));
    EXPECT_FALSE(parse_http_url(longest + "a"));
}

}  // namespace
}  // namespace s3client
