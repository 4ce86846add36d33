// Buckets in other regions, and credentials that change while the server runs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "client.h"

namespace s3sim::test {
namespace {

class IdentityTest : public ServerTest {};

TEST_F(IdentityTest, ABucketElsewhereSaysWhere) {
    const std::pair<const char*, int> cases[] = {
        {"eu-north-1", 301}, {"eu-north-1,307", 307}, {"eu-north-1,400", 400}};
    for (const auto& [text, status] : cases) {
        SCOPED_TRACE(text);
        Options options;
        options.bucket_regions["far"] = text;
        start(std::move(options));
        ASSERT_TRUE(server->create_bucket("far"));
        ASSERT_TRUE(server->put("far", "k", "bytes"));
        ASSERT_TRUE(server->put("bkt", "k", "bytes"));
        client->region = "us-east-1";
        Answer answer = client->call("GET", "/far/k");
        EXPECT_EQ(answer.status, status);
        EXPECT_EQ(answer.xml("Region"), "eu-north-1");
        EXPECT_EQ(answer.headers.at("x-amz-bucket-region"), "eu-north-1");
        answer = client->call("HEAD", "/far");
        EXPECT_EQ(answer.status, status);
        EXPECT_EQ(answer.headers.at("x-amz-bucket-region"), "eu-north-1");
        EXPECT_EQ(client->call("PUT", "/far/new", {}, "v").status, status);
        EXPECT_FALSE(server->get("far", "new"));
        EXPECT_EQ(client->call("GET", "/bkt/k").status, 200);  // its neighbour is here

        client->region = "eu-north-1";
        EXPECT_EQ(client->call("GET", "/far/k").body, "bytes");
        answer = client->call("HEAD", "/far");
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.headers.at("x-amz-bucket-region"), "eu-north-1");
        EXPECT_NE(client->call("GET", "/far", "location=").body.find("eu-north-1"),
                  std::string::npos);
        EXPECT_EQ(client->call("GET", "/bkt/k").code(), "AuthorizationHeaderMalformed");
    }
}

TEST_F(IdentityTest, RegionsThatAreNone) {
    for (const char* text : {"", ",301", "eu-north-1,", "eu-north-1,302", "eu-north-1,x"}) {
        Options options;
        options.bucket_regions["far"] = text;
        EXPECT_FALSE(Server::start(options)) << text;
    }
}

TEST_F(IdentityTest, OldKeysExpire) {
    start();
    Client old(server->port());
    EXPECT_EQ(old.call("HEAD", "/bkt").status, 200);
    server->set_credentials("second", "secret2");
    Answer answer = old.call("PUT", "/bkt/k", {}, "v");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code(), "ExpiredToken");
    EXPECT_FALSE(server->get("bkt", "k"));
    old.secret_key = "never was";
    EXPECT_EQ(old.call("GET", "/bkt/k").code(), "InvalidAccessKeyId");
    client->access_key = "second";
    EXPECT_EQ(client->call("GET", "/bkt/k").code(), "SignatureDoesNotMatch");
    client->secret_key = "secret2";
    EXPECT_EQ(client->call("PUT", "/bkt/k", {}, "v").status, 200);
    server->set_credentials("s3sim", "s3simsecret");  // and back
    old.secret_key = "s3simsecret";
    EXPECT_EQ(old.call("GET", "/bkt/k").body, "v");
    EXPECT_EQ(client->call("GET", "/bkt/k").code(), "ExpiredToken");
}

TEST_F(IdentityTest, SeveralKeysAreTakenUntilOneIsTheOnlyOne) {
    start();
    server->set_credentials("first", "secret1", "t1");
    server->accept_too("second", "secret2", "t2");
    const auto head = [&](const char* key, const char* secret, const char* token) {
        client->access_key = key;
        client->secret_key = secret;
        return client->call("GET", "/bkt/nope", {}, {}, {{"x-amz-security-token", token}}).code();
    };
    EXPECT_EQ(head("first", "secret1", "t1"), "NoSuchKey");
    EXPECT_EQ(head("second", "secret2", "t2"), "NoSuchKey");
    EXPECT_EQ(head("second", "secret1", "t2"), "InvalidAccessKeyId");
    server->set_credentials("second", "secret2", "t2");
    EXPECT_EQ(head("first", "secret1", "t1"), "ExpiredToken");
    EXPECT_EQ(head("second", "secret2", "t2"), "NoSuchKey");
    server->accept_too("first", "secret1", "t1");  // and back
    EXPECT_EQ(head("first", "secret1", "t1"), "NoSuchKey");
}

TEST_F(IdentityTest, OldTokensExpire) {
    Options options;
    options.session_token = "one";
    start(std::move(options));
    const auto get = [&](const char* token) {
        return client->call("GET", "/bkt/nope", {}, {}, {{"x-amz-security-token", token}}).code();
    };
    EXPECT_EQ(get("one"), "NoSuchKey");
    server->set_credentials("s3sim", "s3simsecret", "two");  // the same keys
    EXPECT_EQ(get("one"), "ExpiredToken");
    EXPECT_EQ(get("two"), "NoSuchKey");
    EXPECT_EQ(get("three"), "InvalidToken");
}

TEST_F(IdentityTest, RotationOverTheControlEndpoint) {
    start();
    ASSERT_TRUE(
        client->send_raw("POST /_s3sim/credentials?access-key=a%2Bb&secret-key=c%2Fd HTTP/1.1\r\n"
                         "Host: h\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(client->receive().status, 200);
    EXPECT_EQ(client->call("GET", "/bkt/k").code(), "ExpiredToken");
    client->access_key = "a+b";
    client->secret_key = "c/d";
    EXPECT_EQ(client->call("GET", "/bkt/k").code(), "NoSuchKey");
}

}  // namespace
}  // namespace s3sim::test
