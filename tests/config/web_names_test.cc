// Hosts and origins: what browsers send, and what the settings may list.
#include "config/web_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings.h"

namespace config {
namespace {

using testing::HasSubstr;

constexpr const char* kNoFile = "/nonexistent/s3zipd.toml";

TEST(HostPort, Names) {
    const auto parsed = parse_host_port("Zip.Example:8420");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->host.name, "zip.example");
    EXPECT_FALSE(parsed->host.address.has_value());
    EXPECT_EQ(parsed->port, 8420);
    EXPECT_EQ(parse_host_port("a")->port, std::nullopt);
    EXPECT_EQ(parse_host_port("a:")->port, std::nullopt);  // RFC 3986: port = *DIGIT
    EXPECT_EQ(parse_host_port("a.")->host, parse_host_port("A")->host);
    EXPECT_TRUE(parse_host_port("a%20b~!$&'()*+,;=_"));
}

TEST(HostPort, AddressesInEverySpelling) {
    EXPECT_EQ(parse_host_port("127.0.0.1:1")->host.address, base::parse_ip_address("127.0.0.1"));
    EXPECT_EQ(parse_host_port("[::1]:65535")->port, 65535);
    EXPECT_EQ(parse_host_port("[::1]")->host, parse_host_port("[0:0:0:0:0:0:0:1]:8420")->host);
    EXPECT_EQ(parse_host_port("[::FFFF:127.0.0.1]")->host, parse_host_port("127.0.0.1")->host);
    // Browsers send these as 127.0.0.1; from others they are names.
    for (const char* name : {"127.1", "2130706433", "0x7f.0.0.1", "127.0.0.01", "0177.0.0.1"})
        EXPECT_EQ(parse_host_port(name)->host.name, name);
}

TEST(HostPort, Malformed) {
    for (const char* bad : {"",
                            ":80",
                            ":",
                            "a b",
                            "a:b",
                            "a:-1",
                            "a:+1",
                            "a:65536",
                            "a:8 0",
                            "a:1:2",
                            "::1",
                            "[::1",
                            "::1]",
                            "[]",
                            "[127.0.0.1]",
                            "[::1%25lo]",
                            "[v1.x]",
                            "[::1]x",
                            "[::1]:x",
                            "user@localhost",
                            "a/b",
                            "a?b",
                            "a#b",
                            "a\\b",
                            "a\"b",
                            "<a>",
                            "b\xc3\xbc"
                            "cher",
                            "a%2",
                            "a%zz",
                            "a\tb",
                            "http://a"}) {
        EXPECT_FALSE(parse_host_port(bad)) << bad;
    }
    EXPECT_FALSE(parse_host_port(std::string(256, 'a')));
    EXPECT_FALSE(parse_host_port({"a\0b", 3}));
}

TEST(Loopback, NamesAndAddressesOfThisMachineOnly) {
    for (const char* own :
         {"localhost", "LOCALHOST", "localhost.", "zip.localhost", "a.b.localhost", "127.0.0.1",
          "127.0.0.1.", "127.255.255.254", "[::1]", "[::ffff:127.0.0.1]"}) {
        EXPECT_TRUE(is_loopback(parse_host_port(own)->host)) << own;
    }
    for (const char* other :
         {"localhost.evil.example", "evil-localhost", "notlocalhost", "localhost.localdomain",
          "127.0.0.1.evil.example", "127.0.0.1.nip.io", "127.1", "2130706433", "0.0.0.0", "[::]",
          "10.0.0.1", "128.0.0.1", "[::2]", "[::ffff:10.0.0.1]", "localhost..", "evil.example"}) {
        EXPECT_FALSE(is_loopback(parse_host_port(other)->host)) << other;
    }
}

TEST(WebOrigin, DefaultPortsAndCase) {
    EXPECT_EQ(parse_web_origin("https://ui.example"), parse_web_origin("HTTPS://UI.Example:443"));
    EXPECT_EQ(parse_web_origin("http://ui.example"), parse_web_origin("http://ui.example:80"));
    EXPECT_NE(parse_web_origin("http://ui.example"), parse_web_origin("https://ui.example"));
    EXPECT_NE(parse_web_origin("http://ui.example:81"), parse_web_origin("http://ui.example"));
    EXPECT_NE(parse_web_origin("http://a.example"), parse_web_origin("http://b.example"));
    EXPECT_EQ(parse_web_origin("http://[::1]:1"), parse_web_origin("http://[0::1]:1"));
    EXPECT_EQ(parse_web_origin("chrome-extension://abc")->port, 0);
}

TEST(WebOrigin, Malformed) {
    for (const char* bad : {"",
                            "null",
                            "*",
                            "ui.example",
                            "//ui.example",
                            "://ui.example",
                            "https:",
                            "https://",
                            "https:/ui.example",
                            "https://ui.example/",
                            "https://ui.example/a",
                            "https://ui.example?q",
                            "https://ui.example#f",
                            "https://u@ui.example",
                            "https://ui.example:",
                            "https://a:0",
                            "https://a:65536",
                            "https://a b",
                            "ht tp://a",
                            "1http://a",
                            "https://a https://b",
                            "https://a, https://b",
                            "https://::1",
                            "https://[::1"}) {
        EXPECT_FALSE(parse_web_origin(bad)) << bad;
    }
}

base::Result<Settings> load_flags(const std::vector<std::string>& arguments) {
    return load(arguments, {}, kNoFile);
}

TEST(WebSettings, Lists) {
    EXPECT_TRUE(load_flags({})->allowed_hosts.empty());
    EXPECT_TRUE(load_flags({})->allowed_origins.empty());
    const auto s = load_flags(
        {"--allowed-hosts", "Zip.Example, ::1,[::2],10.0.0.1 ,zip.example", "--allowed-origins",
         "https://ui.example , http://localhost:3000,HTTPS://ui.example:443"});
    ASSERT_TRUE(s) << s.error().detail;
    ASSERT_EQ(s->allowed_hosts.size(), 4u);
    EXPECT_EQ(s->allowed_hosts[0].name, "zip.example");
    EXPECT_EQ(s->allowed_hosts[1], parse_host_port("[::1]")->host);
    EXPECT_EQ(s->allowed_hosts[2], parse_host_port("[::2]")->host);
    EXPECT_EQ(s->allowed_hosts[3], parse_host_port("10.0.0.1")->host);
    ASSERT_EQ(s->allowed_origins.size(), 2u);
    EXPECT_EQ(s->allowed_origins[1], parse_web_origin("http://localhost:3000"));
    EXPECT_TRUE(load_flags({"--allowed-hosts=", "--allowed-origins= "}));
}

// The error names the entry, the setting and what is due.
TEST(WebSettings, BadEntriesAreNamed) {
    const auto error_of = [](const std::string& flag, const std::string& value) {
        const auto settings = load_flags({flag, value});
        return settings ? "no error" : settings.error().detail;
    };
    const std::vector<std::pair<std::string, std::string>> bad_hosts = {
        {"good.example, bad.example:8420", "has 'bad.example:8420', which must be a host name"},
        {"http://a", "has 'http://a', which must be a host name or an IP address"},
        {"[::1]:80", "has '[::1]:80', which must be"},
        {"a b", "has 'a b', which"},
        {".example", "has '.example', which"},
        {"a,,b", "has an empty entry"},
        {"a,", "has an empty entry"},
        {"*", "has '*', which is a pattern: each host must be named"},
        {"*.example", "has '*.example', which is a pattern"}};
    for (const auto& [value, wrong] : bad_hosts) {
        EXPECT_EQ(error_of("--allowed-hosts", value).find("--allowed-hosts: '" + value + "' "), 0u);
        EXPECT_THAT(error_of("--allowed-hosts", value), HasSubstr(wrong)) << value;
    }
    const std::vector<std::pair<std::string, std::string>> bad_origins = {
        {"https://a, https://b/", "has 'https://b/', which must be SCHEME://HOST"},
        {"https://a/path", "has 'https://a/path', which must be SCHEME://HOST"},
        {"ui.example", "has 'ui.example', which must be SCHEME://HOST"},
        {"https://u:p@a", "has 'https://u:p@a', which must be"},
        {"https://a:0", "has 'https://a:0', which must be"},
        {"*", "has '*', which would allow every page"},
        {"https://*.example", "has 'https://*.example', which is a pattern"},
        {"null", "has 'null', which is the origin of every sandboxed page"},
        {",https://a", "has an empty entry"}};
    for (const auto& [value, wrong] : bad_origins)
        EXPECT_THAT(error_of("--allowed-origins", value), HasSubstr(wrong)) << value;
    std::string many = "a0";
    for (int i = 1; i < 101; ++i) many += ",a" + std::to_string(i);
    EXPECT_THAT(error_of("--allowed-hosts", many), HasSubstr("has more than 100 entries"));
}

}  // namespace
}  // namespace config
