// Credentials of containers and instances, asked of a server of this test.
#include <gtest/gtest.h>

#include "on_sources.h"
#include "s3client/credentials/http_fetch.h"

namespace s3client {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;
constexpr Attempts kQuick{3, std::chrono::seconds(10), base::Duration::zero()};

class MetadataSources : public OnSources {
  protected:
    base::Result<Credentials> container(Variables variables) {
        return fetch(*container_source(fixed_environment(std::move(variables)), kQuick));
    }
    base::Error container_error(Variables variables) {
        return fetch_error(*container_source(fixed_environment(std::move(variables)), kQuick));
    }
    base::Error instance_error(Variables variables) {
        return fetch_error(*instance_source(fixed_environment(std::move(variables)), kQuick));
    }
};
ON_BACKENDS(MetadataSources);

TEST_P(MetadataSources, FetchesText) {
    FakeHttp server([](const std::string&) { return FakeHttp::answer(404, "no such"); });
    HttpRequest request;
    request.method = "POST";
    request.path = "/a%20b";
    const auto endpoint = parse_endpoint(server.url()).value();
    const auto answer = reactor.run_until_done(
        http_fetch(connections, endpoint, request, "body", context().bounds));
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->status, 404);
    EXPECT_EQ(answer->body, "no such");
    EXPECT_EQ(server.requests().at(0), "POST /a%20b HTTP/1.1\r\nhost: " + server.url().substr(7) +
                                           "\r\ncontent-length: 4\r\n\r\nbody");
}

TEST_P(MetadataSources, AFetchHasLimits) {
    FakeHttp server([](const std::string& request) {
        return request.starts_with("GET /big")
                   ? FakeHttp::answer(200, std::string(kFetchBodyMax_bytes + 1, 'x'))
                   : "";
    });
    const auto endpoint = parse_endpoint(server.url()).value();
    HttpRequest request;
    request.path = "/big";
    const auto big =
        reactor.run_until_done(http_fetch(connections, endpoint, request, {}, context().bounds));
    ASSERT_FALSE(big);
    EXPECT_EQ(big.error().code, "body_too_large");
    EXPECT_TRUE(big.error().detail.starts_with(server.url())) << big.error().detail;
    request.path = "/closed";
    const auto closed =
        reactor.run_until_done(http_fetch(connections, endpoint, request, {}, context().bounds));
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().kind, base::ErrorKind::transient);
}

TEST_P(MetadataSources, ContainerByFullUriWithATokenReadAnew) {
    FakeHttp server(
        [](const std::string&) { return FakeHttp::answer(200, credentials_json("C")); });
    TemporaryFile token("first");
    const auto source = container_source(
        fixed_environment(
            {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/v1/c/?b=%20&a=1"},
             {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path()},
             {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "unused"}}),
        kQuick);
    const auto got = fetch(*source);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(got->access_key_id, "C");
    EXPECT_TRUE(got->expires_at);
    token.write("second");
    ASSERT_TRUE(fetch(*source));
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_TRUE(requests[0].starts_with("GET /v1/c/?a=1&b=%20 HTTP/1.1\r\n")) << requests[0];
    EXPECT_TRUE(requests[0].contains("\r\nauthorization: first\r\n"));
    EXPECT_TRUE(requests[1].contains("\r\nauthorization: second\r\n"));
}

TEST_P(MetadataSources, ContainerIsAskedAgainAfterATransientFailureOnly) {
    int calls = 0;
    FakeHttp server([&calls](const std::string&) {
        ++calls;
        if (calls == 1) return std::string();
        if (calls == 2) return FakeHttp::answer(503, "hunter2");
        return FakeHttp::answer(200, credentials_json("C"));
    });
    const std::string name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    EXPECT_TRUE(container({{name, server.url()}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "t"}}));
    EXPECT_TRUE(server.requests().at(2).contains("\r\nauthorization: t\r\n"));

    FakeHttp down([](const std::string&) { return FakeHttp::answer(500, "hunter2"); });
    EXPECT_EQ(container_error({{name, down.url()}}).kind, base::ErrorKind::transient);
    EXPECT_EQ(down.requests().size(), kQuick.count);
    FakeHttp denying([](const std::string&) { return FakeHttp::answer(403, "hunter2"); });
    const base::Error denied = container_error({{name, denying.url()}});
    EXPECT_EQ(denied.code, "credentials_refused");
    EXPECT_EQ(denied.http_status, 403);
    EXPECT_EQ(denying.requests().size(), 1U);
}

TEST_P(MetadataSources, ContainerGoesToNoStrangeHostInPlainHttp) {
    EXPECT_EQ(container_error({}).code, kNoCredentials);
    for (const char* url : {"http://example.com/x", "http://127.0.0.1.example.com/",
                            "http://127.1/", "http://127.0.0.256/", "http://127.evil.example.1/",
                            "http://169.254.169.254/", "http://[fd00:ec2::24]/", "http://10.0.0.1",
                            "http://169.254.170.2.x/", "ftp://127.0.0.1/", "127.0.0.1/x",
                            "http://localhost@evil.example/", "http://127.0.0.1/%2"}) {
        const std::string target = url;
        const auto error =
            container_error({{"AWS_CONTAINER_CREDENTIALS_FULL_URI",
                              target.ends_with("%2") ? "http://127.0.0.1/?a=%2" : target}});
        EXPECT_EQ(error.code, "bad_endpoint") << url << ": " << error.to_string();
    }
    EXPECT_EQ(container_error({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/"}}).code,
              "bad_endpoint");
}

TEST_P(MetadataSources, ContainerTokensWithLineBreaksAreRefusedAndNotShown) {
    FakeHttp server(
        [](const std::string&) { return FakeHttp::answer(200, credentials_json("C")); });
    for (const char* token : {"hunter2\n", "hunter2\r\nx-evil: 1"}) {
        const std::string name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        EXPECT_EQ(
            container_error({{name, server.url()}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN", token}})
                .code,
            "bad_token");
        TemporaryFile file(token);
        EXPECT_EQ(container_error({{name, server.url()},
                                   {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path()}})
                      .code,
                  "bad_token");
        EXPECT_EQ(container_error({{name, server.url()},
                                   {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path() + "x"}})
                      .code,
                  "unreadable_file");
    }
    EXPECT_TRUE(server.requests().empty());
}

std::string instance_reply(const std::string& request) {
    if (request.starts_with("PUT /latest/api/token ")) {
        return FakeHttp::answer(200, "hunter2-session");
    }
    if (!request.contains("\r\nx-aws-ec2-metadata-token: hunter2-session\r\n")) {
        return FakeHttp::answer(401, "");
    }
    const std::string roles = "GET /latest/meta-data/iam/security-credentials/";
    if (request.starts_with(roles + " ")) return FakeHttp::answer(200, "my role\nother");
    if (request.starts_with(roles + "my%20role ")) {
        return FakeHttp::answer(200, credentials_json("I"));
    }
    return FakeHttp::answer(404, "");
}

TEST_P(MetadataSources, InstanceGivesATokenThenARoleThenKeys) {
    FakeHttp server(instance_reply);
    const auto source = instance_source(
        fixed_environment({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url() + "/"}}), kQuick);
    const auto got = fetch(*source);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(got->access_key_id, "I");
    EXPECT_TRUE(
        server.requests().at(0).contains("\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST_P(MetadataSources, InstanceSaysWhatItLacks) {
    const std::string name = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    EXPECT_EQ(instance_error({{"AWS_EC2_METADATA_DISABLED", "TRUE"}}).code, kNoCredentials);
    FakeHttp roleless([](const std::string& request) {
        return FakeHttp::answer(request.starts_with("PUT") ? 200 : 404, "hunter2");
    });
    const base::Error none = instance_error({{name, roleless.url()}});
    EXPECT_EQ(none.code, kNoCredentials);
    EXPECT_EQ(none.http_status, 404);
    EXPECT_EQ(roleless.requests().size(), 2U);
    FakeHttp down([](const std::string&) { return std::string(); });
    EXPECT_EQ(instance_error({{name, down.url()}}).code, kNoCredentials);
    EXPECT_EQ(down.requests().size(), kQuick.count);
    FakeHttp broken([](const std::string& request) {
        return request.contains("security-credentials/r ")
                   ? FakeHttp::answer(200, R"({"Code":"Failed","Token":"hunter2"})")
                   : FakeHttp::answer(200, "r");
    });
    EXPECT_EQ(instance_error({{name, broken.url()}}).code, "credentials_refused");
}

TEST_P(MetadataSources, EnvironmentIsReadAtEachFetch) {
    Variables variables;
    const auto source = environment_source([&variables](std::string_view name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
    EXPECT_EQ(fetch_error(*source).code, kNoCredentials);
    variables = {{"AWS_ACCESS_KEY_ID", "E"}, {"AWS_SECRET_ACCESS_KEY", "hunter2"}};
    const auto got = fetch(*source);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->access_key_id, "E");
    variables.erase("AWS_ACCESS_KEY_ID");
    EXPECT_EQ(fetch_error(*source).code, "bad_credentials");
}

}  // namespace
}  // namespace s3client
