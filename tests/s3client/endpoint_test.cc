// Region or URL, bucket and key -> host, port and path.
#include "s3client/endpoint.h"

#include <gtest/gtest.h>

namespace s3client {
namespace {

std::string code_of(const auto& result) { return result ? "" : result.error().code; }

TEST(Endpoint, OfRegions) {
    const auto euro = endpoint_of_region("eu-central-1");
    ASSERT_TRUE(euro);
    EXPECT_EQ(euro->url(), "https://s3.eu-central-1.amazonaws.com");
    EXPECT_TRUE(euro->aws);
    EXPECT_EQ(endpoint_of_region("cn-north-1")->host, "s3.cn-north-1.amazonaws.com.cn");
    for (const char* region : {"", "EU", "eu west", "a/b", "a.b", "a\r\n"}) {
        EXPECT_EQ(code_of(endpoint_of_region(region)), "bad_region") << region;
    }
}

struct UrlCase {
    const char* url;
    bool tls;
    const char* host;
    std::uint16_t port;
    const char* prefix;
    const char* again;  // url() of it
};

TEST(Endpoint, OfUrls) {
    const UrlCase cases[] = {
        {"http://127.0.0.1:9000", false, "127.0.0.1", 9000, "", "http://127.0.0.1:9000"},
        {"http://127.0.0.1:9000/", false, "127.0.0.1", 9000, "", "http://127.0.0.1:9000"},
        {"https://minio.example", true, "minio.example", 443, "", "https://minio.example"},
        {"https://minio.example:443", true, "minio.example", 443, "", "https://minio.example"},
        {"http://minio.example", false, "minio.example", 80, "", "http://minio.example"},
        {"http://h:443", false, "h", 443, "", "http://h:443"},
        {"https://gw.example/s3/", true, "gw.example", 443, "/s3", "https://gw.example/s3"},
        {"http://[::1]:8000", false, "::1", 8000, "", "http://[::1]:8000"},
        {"http://[fd00::2]", false, "fd00::2", 80, "", "http://[fd00::2]"},
        {"http://local_host:1", false, "local_host", 1, "", "http://local_host:1"},
    };
    for (const UrlCase& c : cases) {
        const auto endpoint = parse_endpoint(c.url);
        ASSERT_TRUE(endpoint) << c.url;
        EXPECT_EQ(endpoint->tls, c.tls) << c.url;
        EXPECT_EQ(endpoint->host, c.host) << c.url;
        EXPECT_EQ(endpoint->port, c.port) << c.url;
        EXPECT_EQ(endpoint->path_prefix, c.prefix) << c.url;
        EXPECT_EQ(endpoint->url(), c.again);
        EXPECT_FALSE(endpoint->aws) << c.url;
    }
    EXPECT_TRUE(parse_endpoint("https://s3.eu-west-1.amazonaws.com")->aws);
    EXPECT_FALSE(parse_endpoint("https://s3.amazonaws.com.evil.example")->aws);
}

TEST(Endpoint, RefusesOtherUrls) {
    for (const char* url :
         {"", "127.0.0.1:9000", "ftp://h", "http://", "http://:80", "http://h:", "http://h:0",
          "http://h:65536", "http://h:80x", "http://h:-1", "http://h?x=1", "http://h/#x",
          "http://a b", "http://[::1", "http://[::1]80", "http://[xyz]:1", "http://h/a b",
          "http://h\r\n", "http://a:b:c"}) {
        EXPECT_EQ(code_of(parse_endpoint(url)), "bad_endpoint") << url;
    }
}

TEST(Endpoint, DoesNotRepeatPasswords) {
    const auto endpoint = parse_endpoint("https://user:hunter2@h");
    ASSERT_FALSE(endpoint);
    EXPECT_EQ(endpoint.error().detail.find("hunter2"), std::string::npos);
}

TEST(Endpoint, WithIPv6Too) {
    const auto euro = endpoint_of_region("eu-central-1", IpVersions::dual_stack);
    ASSERT_TRUE(euro);
    EXPECT_EQ(euro->url(), "https://s3.dualstack.eu-central-1.amazonaws.com");
    EXPECT_EQ(resolve(*euro, Addressing::automatic, "photos", "k")->connect_host,
              "photos.s3.dualstack.eu-central-1.amazonaws.com");
    EXPECT_EQ(resolve(*euro, Addressing::path, "photos", "k")->host_header,
              "s3.dualstack.eu-central-1.amazonaws.com");
    EXPECT_EQ(endpoint_of_region("cn-north-1", IpVersions::dual_stack)->host,
              "s3.dualstack.cn-north-1.amazonaws.com.cn");
    EXPECT_EQ(endpoint_in_region(*euro, "eu-central-1", "us-west-2")->host,
              "s3.dualstack.us-west-2.amazonaws.com");
}

TEST(Addressing, Parses) {
    EXPECT_EQ(parse_addressing("auto"), Addressing::automatic);
    EXPECT_EQ(parse_addressing("path"), Addressing::path);
    EXPECT_EQ(parse_addressing("virtual"), Addressing::virtual_host);
    EXPECT_EQ(code_of(parse_addressing("Path")), "bad_addressing");
}

struct ResolveCase {
    const char* url;
    Addressing addressing;
    const char* bucket;
    const char* key;
    const char* host_header;
    const char* path;
    const char* connect_host;
};

TEST(Resolve, PutsTheBucketWhereItBelongs) {
    constexpr const char* kAws = "https://s3.eu-west-1.amazonaws.com";
    constexpr const char* kAwsHost = "s3.eu-west-1.amazonaws.com";
    constexpr const char* kOwn = "http://127.0.0.1:9000";
    const ResolveCase cases[] = {
        {kAws, Addressing::automatic, "photos", "a b.jpg", "photos.s3.eu-west-1.amazonaws.com",
         "/a%20b.jpg", "photos.s3.eu-west-1.amazonaws.com"},
        {kAws, Addressing::automatic, "photos", "", "photos.s3.eu-west-1.amazonaws.com", "/",
         "photos.s3.eu-west-1.amazonaws.com"},
        {kAws, Addressing::automatic, "my.photos", "k", kAwsHost, "/my.photos/k", kAwsHost},
        {kAws, Addressing::path, "photos", "k", kAwsHost, "/photos/k", kAwsHost},
        {kAws, Addressing::virtual_host, "my.photos", "k", "my.photos.s3.eu-west-1.amazonaws.com",
         "/k", "my.photos.s3.eu-west-1.amazonaws.com"},
        {kOwn, Addressing::automatic, "photos", "k", "127.0.0.1:9000", "/photos/k", "127.0.0.1"},
        {kOwn, Addressing::automatic, "photos", "", "127.0.0.1:9000", "/photos", "127.0.0.1"},
        {kOwn, Addressing::automatic, "My_Photos", "k", "127.0.0.1:9000", "/My_Photos/k",
         "127.0.0.1"},
        {"http://s3.test:80", Addressing::virtual_host, "photos", "k", "photos.s3.test", "/k",
         "photos.s3.test"},
        {"http://[::1]:9000", Addressing::automatic, "b", "k", "[::1]:9000", "/b/k", "::1"},
        {"https://gw/s3", Addressing::automatic, "b", "k", "gw", "/s3/b/k", "gw"},
        {"https://gw/s3", Addressing::automatic, "b", "", "gw", "/s3/b", "gw"},
    };
    for (const ResolveCase& c : cases) {
        const auto target = resolve(*parse_endpoint(c.url), c.addressing, c.bucket, c.key);
        ASSERT_TRUE(target) << c.bucket << target.error().to_string();
        EXPECT_EQ(target->host_header, c.host_header);
        EXPECT_EQ(target->path, c.path);
        EXPECT_EQ(target->connect_host, c.connect_host);
    }
}

TEST(Resolve, LeavesKeysAlone) {
    const Endpoint endpoint = *parse_endpoint("http://h");
    const std::pair<const char*, const char*> cases[] = {
        {"a//b", "/b/a//b"},
        {"../x", "/b/../x"},
        {"/lead", "/b//lead"},
        {"trail/", "/b/trail/"},
        {"a+b=c?d#e%", "/b/a%2Bb%3Dc%3Fd%23e%25"},
        {"Grüße", "/b/Gr%C3%BC%C3%9Fe"},
        {"a\r\nb", "/b/a%0D%0Ab"},
    };
    for (const auto& [key, path] : cases) {
        EXPECT_EQ(resolve(endpoint, Addressing::automatic, "b", key)->path, path);
    }
}

TEST(Resolve, ChecksNames) {
    const Endpoint aws = *endpoint_of_region("us-east-1");
    EXPECT_EQ(code_of(resolve(aws, Addressing::automatic, "Photos", "k")), "bad_bucket");
    EXPECT_EQ(code_of(resolve(aws, Addressing::automatic, "photos", std::string(1025, 'k'))),
              "bad_key");
    const Endpoint own = *parse_endpoint("http://h");
    EXPECT_EQ(code_of(resolve(own, Addressing::virtual_host, "My_Photos", "k")), "bad_bucket");
}

TEST(Bucket, RulesOfAws) {
    for (const char* good :
         {"abc", "a-b", "a.b.c", "1bucket", "my-bucket-2026", "xn--a", "192.168.5"}) {
        EXPECT_TRUE(check_bucket(good, true)) << good;
    }
    EXPECT_TRUE(check_bucket(std::string(63, 'a'), true));
    for (const char* bad : {"", "ab", "Abc", "a_b", "-abc", "abc-", ".abc", "abc.", "a..b",
                            "192.168.5.4", "a/b", "a b", "caf\xc3\xa9", "arn:aws:s3:::b"}) {
        const auto status = check_bucket(bad, true);
        EXPECT_EQ(code_of(status), "bad_bucket") << bad;
        EXPECT_NE(status.error().detail.find(std::string("'") + bad + "'"), std::string::npos);
    }
    EXPECT_FALSE(check_bucket(std::string(64, 'a'), true));
}

TEST(Bucket, RulesOfOthers) {
    for (const char* good : {"a", "AB", "a_b", "-abc", "a..b", "192.168.5.4"}) {
        EXPECT_TRUE(check_bucket(good, false)) << good;
    }
    for (const char* bad : {"", ".", "..", "a/b", "a b", "a?b", "a\nb", "a%2Fb"}) {
        EXPECT_FALSE(check_bucket(bad, false)) << bad;
    }
    EXPECT_TRUE(check_bucket(std::string(255, 'a'), false));
    EXPECT_FALSE(check_bucket(std::string(256, 'a'), false));
}

TEST(Key, HasOneTo1024Bytes) {
    EXPECT_FALSE(check_key(""));
    EXPECT_TRUE(check_key("k"));
    EXPECT_TRUE(check_key(std::string(1024, 'k')));
    // 513 times two bytes: counted in bytes, and not cut within a character for the message.
    std::string umlauts;
    for (int i = 0; i < 513; ++i) umlauts += "\xc3\xbc";
    const auto status = check_key("x" + umlauts);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().detail.find("\xc3\xbc...'"), std::string::npos)
        << status.error().detail;
}

TEST(S3Uri, Splits) {
    const auto uri = parse_s3_uri("s3://photos/2026/a b.jpg");
    ASSERT_TRUE(uri);
    EXPECT_EQ(uri->bucket, "photos");
    EXPECT_EQ(uri->key, "2026/a b.jpg");
    EXPECT_EQ(parse_s3_uri("s3://photos")->key, "");
    EXPECT_EQ(parse_s3_uri("s3://photos/")->key, "");
    EXPECT_EQ(parse_s3_uri("s3://photos//a")->key, "/a");
    EXPECT_EQ(code_of(parse_s3_uri("photos/a")), "bad_s3_uri");
    EXPECT_EQ(code_of(parse_s3_uri("S3://photos/a")), "bad_s3_uri");
    EXPECT_EQ(code_of(parse_s3_uri("s3:///a")), "bad_bucket");
    EXPECT_EQ(code_of(parse_s3_uri("s3://b/" + std::string(1025, 'k'))), "bad_key");
}

TEST(Endpoint, OfABucketElsewhereIsThatOfItsRegion) {
    const Endpoint usual = *endpoint_of_region("us-east-1");
    EXPECT_EQ(endpoint_in_region(usual, "us-east-1", "us-east-1")->host, usual.host);
    EXPECT_EQ(endpoint_in_region(usual, "us-east-1", "eu-west-1")->host,
              "s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(endpoint_in_region(usual, "us-east-1", "EU west").error().code, "bad_region");
    // Asked for by URL: a private endpoint, another store.
    for (const char* url : {"https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com",
                            "http://127.0.0.1:9000", "https://s3.eu-central-1.amazonaws.com"}) {
        const Endpoint own = *parse_endpoint(url);
        EXPECT_EQ(endpoint_in_region(own, "us-east-1", "eu-west-1")->host, own.host) << url;
    }
}

}  // namespace
}  // namespace s3client
