// Which proxy a host is reached through.
#include "s3client/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace s3client {
namespace {

using testing::HasSubstr;
using testing::Not;
using Variables = std::map<std::string, std::string, std::less<>>;

ProxyRules rules_of(Variables variables) {
    auto rules = ProxyRules::from_environment(fixed_environment(std::move(variables)));
    EXPECT_TRUE(rules) << rules.error().detail;
    return rules ? std::move(*rules) : ProxyRules();
}

// "host:port" of the proxy; "direct" without one.
std::string way_to(const ProxyRules& rules, std::string_view host, bool tls,
                   std::uint16_t port = 443) {
    const Proxy* proxy = rules.proxy_for(host, port, tls);
    return proxy == nullptr ? "direct" : proxy->authority();
}

Proxy proxy_of(const std::string& url) {
    const ProxyRules rules = rules_of({{"HTTPS_PROXY", url}});
    EXPECT_TRUE(rules.https()) << url;
    return rules.https().value_or(Proxy{});
}

TEST(ProxyRules, NoneWithoutVariables) {
    const ProxyRules rules = rules_of({{"NO_PROXY", "s3.example"}, {"HTTPS_PROXY", ""}});
    EXPECT_TRUE(rules.empty());
    EXPECT_EQ(way_to(rules, "s3.example", true), "direct");
}

TEST(ProxyRules, OneForEachScheme) {
    const ProxyRules rules =
        rules_of({{"HTTPS_PROXY", "http://secure:1"}, {"HTTP_PROXY", "http://plain:2"}});
    EXPECT_EQ(way_to(rules, "s3.example", true), "secure:1");
    EXPECT_EQ(way_to(rules, "s3.example", false), "plain:2");
    const ProxyRules only_https = rules_of({{"https_proxy", "http://secure:1"}});
    EXPECT_EQ(way_to(only_https, "s3.example", false), "direct");
}

TEST(ProxyRules, LowerCaseWinsAndAllProxyIsTheLast) {
    Variables set{{"http_proxy", "http://low:1"},   {"HTTP_PROXY", "http://up:2"},
                  {"https_proxy", "http://lows:3"}, {"HTTPS_PROXY", "http://ups:4"},
                  {"all_proxy", "http://all:5"},    {"ALL_PROXY", "http://ALL:6"},
                  {"no_proxy", "low.example"},      {"NO_PROXY", "up.example"}};
    EXPECT_EQ(way_to(rules_of(set), "s3.example", false), "low:1");
    EXPECT_EQ(way_to(rules_of(set), "s3.example", true), "lows:3");
    EXPECT_EQ(way_to(rules_of(set), "low.example", true), "direct");
    EXPECT_EQ(way_to(rules_of(set), "up.example", true), "lows:3");
    set.erase("http_proxy");
    set.erase("https_proxy");
    set.erase("no_proxy");
    EXPECT_EQ(way_to(rules_of(set), "s3.example", false), "up:2");
    EXPECT_EQ(way_to(rules_of(set), "s3.example", true), "ups:4");
    EXPECT_EQ(way_to(rules_of(set), "up.example", true), "direct");
    set.erase("HTTP_PROXY");
    set.erase("HTTPS_PROXY");
    EXPECT_EQ(way_to(rules_of(set), "s3.example", true), "all:5");
    set.erase("all_proxy");
    EXPECT_EQ(way_to(rules_of(set), "s3.example", false), "ALL:6");
}

TEST(ProxyRules, UrlsOfProxies) {
    const auto place = [](const std::string& url) {
        const Proxy proxy = proxy_of(url);
        return (proxy.tls ? "tls " : "") + proxy.authority();
    };
    EXPECT_EQ(place("http://proxy.example:3128"), "proxy.example:3128");
    EXPECT_EQ(place("HTTP://proxy.example:3128/"), "proxy.example:3128");
    EXPECT_EQ(place("proxy.example:3128"), "proxy.example:3128");
    EXPECT_EQ(place("proxy.example"), "proxy.example:80");
    EXPECT_EQ(place(" http://10.0.0.1:8080/x?y "), "10.0.0.1:8080");
    EXPECT_EQ(place("http://[fd00::1]:8080"), "[fd00::1]:8080");
    EXPECT_EQ(place("https://proxy.example"), "tls proxy.example:443");
    EXPECT_EQ(place("https://u:p@proxy.example:8443"), "tls proxy.example:8443");
}

TEST(ProxyRules, UserAndPasswordBecomeBasicAuthorization) {
    EXPECT_EQ(proxy_of("http://proxy:1").authorization, "");
    EXPECT_EQ(proxy_of("http://user:pass@proxy:1").authorization, "Basic dXNlcjpwYXNz");
    EXPECT_EQ(proxy_of("user:pass@proxy:1").authorization, "Basic dXNlcjpwYXNz");
    EXPECT_EQ(proxy_of("http://user@proxy:1").authorization, "Basic dXNlcjo=");
    // "a@b:c:d/e", as people write it and as they should.
    EXPECT_EQ(proxy_of("http://a%40b:c%3Ad%2Fe@proxy:1").authorization, "Basic YUBiOmM6ZC9l");
    EXPECT_EQ(proxy_of("http://a@b:c:d%2Fe@proxy:1").authorization, "Basic YUBiOmM6ZC9l");
}

TEST(ProxyRules, ErrorsNameTheVariableAndNoPassword) {
    for (const char* url : {"socks5://u:secret@proxy:1", "http://u:secret@", "http://u:secret@a b",
                            "http://u:secret@proxy:0", "http://u:secret@proxy:99999",
                            "http://u:secret%zz@proxy:1", "http://u:secret@[::1", "secret://"}) {
        for (const char* name : {"HTTPS_PROXY", "http_proxy", "ALL_PROXY"}) {
            const auto rules = ProxyRules::from_environment(fixed_environment({{name, url}}));
            ASSERT_FALSE(rules) << url;
            EXPECT_EQ(rules.error().kind, base::ErrorKind::invalid);
            EXPECT_EQ(rules.error().code, "bad_proxy");
            EXPECT_THAT(rules.error().detail, HasSubstr(name));
            EXPECT_THAT(rules.error().detail, Not(HasSubstr("secret"))) << url;
        }
    }
}

// This machine, seen from a proxy elsewhere, is another one.
TEST(ProxyRules, ThisMachineIsReachedDirectlyUnlessTheProxyIsOnIt) {
    const ProxyRules elsewhere = rules_of({{"ALL_PROXY", "http://proxy:1"}});
    const ProxyRules here = rules_of({{"ALL_PROXY", "http://127.0.0.1:1"}});
    for (const char* host :
         {"localhost", "LOCALHOST", "s3.localhost", "127.0.0.1", "127.9.8.7", "::1"}) {
        EXPECT_EQ(way_to(elsewhere, host, false), "direct") << host;
        EXPECT_EQ(way_to(here, host, false), "127.0.0.1:1") << host;
    }
    for (const char* host : {"169.254.169.254", "169.254.170.2", "fe80::1"}) {
        EXPECT_EQ(way_to(elsewhere, host, false), "direct") << host;
        EXPECT_EQ(way_to(here, host, false), "direct") << host;
    }
    EXPECT_EQ(way_to(elsewhere, "notlocalhost", false), "proxy:1");
    EXPECT_EQ(way_to(elsewhere, "10.0.0.1", false), "proxy:1");
}

TEST(NoProxy, NamesStandForThemselvesAndAllBelow) {
    for (const char* list : {"example.com", ".example.com", "*.example.com", "EXAMPLE.com.",
                             " other , example.com ", "other example.com", "other,,example.com,"}) {
        const NoProxy no_proxy(list);
        EXPECT_TRUE(no_proxy.matches("example.com", 443)) << list;
        EXPECT_TRUE(no_proxy.matches("s3.example.com", 443)) << list;
        EXPECT_TRUE(no_proxy.matches("A.B.Example.Com.", 80)) << list;
        EXPECT_FALSE(no_proxy.matches("notexample.com", 443)) << list;
        EXPECT_FALSE(no_proxy.matches("example.com.evil", 443)) << list;
        EXPECT_FALSE(no_proxy.matches("example", 443)) << list;
    }
}

TEST(NoProxy, StarIsAllAndNothingIsNone) {
    EXPECT_TRUE(NoProxy("*").matches("s3.example", 443));
    EXPECT_TRUE(NoProxy("a, *").matches("10.0.0.1", 443));
    for (const char* list : {"", " , ", ".", "*.", "a:x", "a:0", "[::1", "[]"})
        EXPECT_FALSE(NoProxy(list).matches("s3.example", 443)) << list;
}

TEST(NoProxy, AddressesAndNetworks) {
    const NoProxy no_proxy("10.0.0.0/8,192.168.7.9/24,127.0.0.1,fd00::/8,[2001:db8::1],::1");
    for (const char* host : {"10.1.2.3", "192.168.7.1", "127.0.0.1", "fd12::3", "2001:db8::1",
                             "2001:DB8:0::1", "::1", "::ffff:10.0.0.9"})
        EXPECT_TRUE(no_proxy.matches(host, 443)) << host;
    for (const char* host : {"11.0.0.1", "192.168.8.1", "127.0.0.2", "fe00::1", "2001:db8::2",
                             "10.example", "s3.10.0.0.1"})
        EXPECT_FALSE(no_proxy.matches(host, 443)) << host;
    EXPECT_TRUE(NoProxy("0.0.0.0/0").matches("1.2.3.4", 443));
    EXPECT_FALSE(NoProxy("0.0.0.0/0").matches("::2", 443));
    EXPECT_FALSE(NoProxy("10.0.0.0/33,10.0.0.0/x,10.0.0.0/").matches("10.0.0.1", 443));
}

TEST(NoProxy, APortNarrowsAnEntry) {
    const NoProxy no_proxy("a.example:9000,10.0.0.1:80,[::1]:8080");
    EXPECT_TRUE(no_proxy.matches("a.example", 9000));
    EXPECT_TRUE(no_proxy.matches("b.a.example", 9000));
    EXPECT_FALSE(no_proxy.matches("a.example", 443));
    EXPECT_TRUE(no_proxy.matches("10.0.0.1", 80));
    EXPECT_FALSE(no_proxy.matches("10.0.0.1", 443));
    EXPECT_TRUE(no_proxy.matches("::1", 8080));
    EXPECT_FALSE(no_proxy.matches("::1", 443));
}

}  // namespace
}  // namespace s3client
