// Which requests of web pages are refused, and why: the rules, without a socket.
#include "daemon/access_web.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace s3zipd {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

WebRules rules_of(const std::string& hosts, const std::string& origins) {
    WebRules rules;
    EXPECT_EQ(config::read_web_hosts(hosts, rules.hosts), "");
    EXPECT_EQ(config::read_web_origins(origins, rules.origins), "");
    return rules;
}

// The name of the problem; "fine" without one.
std::string judge(const WebHeaders& headers, const WebRules& rules = {},
                  const WebArrival& arrival = {}, std::string_view method = "GET",
                  std::string_view target = "/archives") {
    const auto problem = refuse_web(rules, arrival, headers, method, target);
    return problem ? std::string(problem->type.name) : "fine";
}

std::string detail_of(const WebHeaders& headers) {
    const auto problem = refuse_web({}, {}, headers, "GET", "/archives");
    return problem ? problem->detail : "fine";
}

TEST(WebAccess, HostsOfThisMachine) {
    for (const char* host : {"localhost", "LocalHost:1", "127.0.0.1:8420", "127.7.7.7", "[::1]:9",
                             "zip.localhost", "localhost.:8420"}) {
        EXPECT_EQ(judge({.host = host}), "fine") << host;
    }
    for (const char* host :
         {"evil.example", "evil.example:8420", "localhost.evil.example", "127.0.0.1.nip.io",
          "0.0.0.0:8420", "10.0.0.1", "[::]", "2130706433", "127.1"}) {
        EXPECT_EQ(judge({.host = host}), "host-not-allowed") << host;
    }
    for (const char* host : {"", "a b", "a:b", "[::1", "u@localhost", "localhost/x"})
        EXPECT_EQ(judge({.host = host}), "bad-http") << host;
    EXPECT_EQ(judge({.host = std::nullopt}), "bad-http");
}

TEST(WebAccess, AllowedHosts) {
    const WebRules rules = rules_of("Zip.Example, 10.0.0.1, ::2", "");
    for (const char* host : {"zip.example", "ZIP.example.:1", "10.0.0.1:8420", "[0::2]"})
        EXPECT_EQ(judge({.host = host}, rules), "fine") << host;
    for (const char* host : {"a.zip.example", "zip.example.evil", "10.0.0.2", "[::3]"})
        EXPECT_EQ(judge({.host = host}, rules), "host-not-allowed") << host;
}

// With tokens Host may be anything that is one; so it may on a Unix socket, which no browser can
// connect to.
TEST(WebAccess, HostIsNotCheckedWhereItProtectsNothing) {
    const WebArrival with_tokens{.checks_host = false, .checks_origin = false};
    const WebArrival unix_socket{.is_unix = true};
    for (const WebArrival& arrival : {with_tokens, unix_socket}) {
        EXPECT_EQ(judge({.host = "zip.example:8420"}, {}, arrival), "fine");
        EXPECT_EQ(judge({.host = std::nullopt}, {}, arrival), "fine");
        EXPECT_EQ(judge({.host = "a b"}, {}, arrival), "bad-http");
    }
    EXPECT_EQ(
        judge({.host = "a", .origin = "https://b", .fetch_site = "cross-site"}, {}, with_tokens),
        "fine");
}

TEST(WebAccess, OriginIsThatOfTheRequest) {
    const WebArrival plain, tls{.is_tls = true};
    EXPECT_EQ(judge({.host = "localhost:8420", .origin = "http://localhost:8420"}), "fine");
    EXPECT_EQ(judge({.host = "127.0.0.1", .origin = "http://127.0.0.1"}), "fine");
    EXPECT_EQ(judge({.host = "127.0.0.1:80", .origin = "http://127.0.0.1"}), "fine");
    EXPECT_EQ(judge({.host = "[::1]:9", .origin = "http://[::1]:9"}), "fine");
    EXPECT_EQ(judge({.host = "localhost:9", .origin = "https://localhost:9"}, {}, tls), "fine");
    EXPECT_EQ(judge({.host = "localhost", .origin = "https://localhost"}, {}, tls), "fine");
    for (const char* origin :
         {"http://localhost", "http://localhost:8421", "https://localhost:8420",
          "http://127.0.0.1:8420", "http://evil.example", "http://evil.example:8420",
          "http://localhost.evil.example:8420", "http://localhost:8420/", "localhost:8420", "",
          "null", "http://localhost:8420, http://evil", "chrome-extension://localhost:8420"}) {
        EXPECT_EQ(judge({.host = "localhost:8420", .origin = origin}, {}, plain),
                  "origin-not-allowed")
            << origin;
    }
    EXPECT_EQ(judge({.host = "localhost:9", .origin = "http://localhost:9"}, {}, tls),
              "origin-not-allowed");
}

TEST(WebAccess, OriginOnAUnixSocket) {
    const WebArrival arrival{.is_unix = true};
    // A proxy has the scheme; the name must be this machine's, or pages could choose it.
    EXPECT_EQ(judge({.host = "localhost", .origin = "http://localhost"}, {}, arrival), "fine");
    EXPECT_EQ(judge({.host = "localhost", .origin = "https://localhost"}, {}, arrival), "fine");
    EXPECT_EQ(judge({.host = "evil.example", .origin = "http://evil.example"}, {}, arrival),
              "origin-not-allowed");
    EXPECT_EQ(judge({.host = "zip.example", .origin = "https://zip.example"},
                    rules_of("zip.example", ""), arrival),
              "fine");
    EXPECT_EQ(judge({.host = std::nullopt, .origin = "http://localhost"}, {}, arrival),
              "origin-not-allowed");
    EXPECT_EQ(judge({.host = "x", .fetch_site = "cross-site"}, {}, arrival), "origin-not-allowed");
}

TEST(WebAccess, AllowedOrigins) {
    const WebRules rules = rules_of("", "https://ui.example, http://localhost:3000");
    for (const char* site : {"cross-site", "same-site", "same-origin", "none"}) {
        EXPECT_EQ(
            judge({.host = "localhost", .origin = "https://ui.example", .fetch_site = site}, rules),
            "fine")
            << site;
    }
    EXPECT_EQ(judge({.host = "localhost", .origin = "http://localhost:3000"}, rules), "fine");
    for (const char* origin : {"http://ui.example", "https://ui.example:8443", "https://example",
                               "https://a.ui.example", "https://ui.example.evil", "null"}) {
        EXPECT_EQ(judge({.host = "localhost", .origin = origin}, rules), "origin-not-allowed")
            << origin;
    }
    // An allowed origin does not make up for a name that may have been rebound.
    EXPECT_EQ(judge({.host = "evil.example", .origin = "https://ui.example"}, rules),
              "host-not-allowed");
}

TEST(WebAccess, FetchSite) {
    for (const char* site : {"same-origin", "none"})
        EXPECT_EQ(judge({.host = "localhost", .fetch_site = site}), "fine") << site;
    for (const char* site : {"cross-site", "same-site", "", "Cross-Site", "something-new"})
        EXPECT_EQ(judge({.host = "localhost", .fetch_site = site}), "origin-not-allowed") << site;
    EXPECT_EQ(
        judge({.host = "localhost", .origin = "http://localhost", .fetch_site = "cross-site"}),
        "origin-not-allowed");
}

// A link to the page is one way to it. Nothing else may be opened from elsewhere, nor framed.
TEST(WebAccess, LinksToThePage) {
    const WebHeaders link{.host = "localhost",
                          .fetch_site = "cross-site",
                          .fetch_mode = "navigate",
                          .fetch_dest = "document"};
    EXPECT_EQ(judge(link, {}, {}, "GET", "/"), "fine");
    EXPECT_EQ(judge(link, {}, {}, "GET", "/?from=wiki"), "fine");
    for (const char* target :
         {"/archives", "/metrics", "/page/app.js", "//", "/archives/x/download"})
        EXPECT_EQ(judge(link, {}, {}, "GET", target), "origin-not-allowed") << target;
    EXPECT_EQ(judge(link, {}, {}, "POST", "/"), "origin-not-allowed");
    WebHeaders other = link;
    other.fetch_dest = "iframe";
    EXPECT_EQ(judge(other, {}, {}, "GET", "/"), "origin-not-allowed");
    other = link;
    other.fetch_mode = "no-cors";
    EXPECT_EQ(judge(other, {}, {}, "GET", "/"), "origin-not-allowed");
    other = link;
    other.origin = "https://evil.example";
    EXPECT_EQ(judge(other, {}, {}, "GET", "/"), "origin-not-allowed");
    other = link;
    other.host = "evil.example";
    EXPECT_EQ(judge(other, {}, {}, "GET", "/"), "host-not-allowed");
}

TEST(WebAccess, DetailsNameHeaderValueAndSetting) {
    EXPECT_THAT(detail_of({.host = "evil.example:8420"}),
                AllOf(HasSubstr("Host is evil.example:8420"), HasSubstr("allowed_hosts")));
    EXPECT_THAT(detail_of({.host = "localhost", .origin = "https://evil.example"}),
                AllOf(HasSubstr("Origin is https://evil.example"), HasSubstr("allowed_origins")));
    EXPECT_THAT(detail_of({.host = "localhost", .origin = "null"}),
                AllOf(HasSubstr("Origin is null"), HasSubstr("allowed_origins")));
    EXPECT_THAT(detail_of({.host = "localhost", .fetch_site = "cross-site"}),
                AllOf(HasSubstr("Sec-Fetch-Site is cross-site"), HasSubstr("allowed_origins")));
    EXPECT_LT(detail_of({.host = "localhost", .origin = std::string(9000, 'x')}).size(), 400u);
    EXPECT_LT(detail_of({.host = std::string(9000, 'x')}).size(), 400u);
}

TEST(Cors, HeadersForAllowedOriginsOnly) {
    EXPECT_THAT(cors_headers({}, "https://ui.example"), ElementsAre());
    const WebRules rules = rules_of("", "https://ui.example");
    EXPECT_THAT(cors_headers(rules, std::nullopt), ElementsAre(Pair("Vary", "Origin")));
    for (const char* origin : {"https://evil.example", "null", "*", "", "http://ui.example"})
        EXPECT_THAT(cors_headers(rules, origin), ElementsAre(Pair("Vary", "Origin"))) << origin;
    EXPECT_THAT(cors_headers(rules, "https://ui.example"),
                ElementsAre(Pair("Vary", "Origin"),
                            Pair("Access-Control-Allow-Origin", "https://ui.example"),
                            Pair("Access-Control-Expose-Headers", HasSubstr("Location"))));
}

}  // namespace
}  // namespace s3zipd
