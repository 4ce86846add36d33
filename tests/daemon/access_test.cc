// Who may do what: callers, and the matrix of scopes over all routes.
#include "daemon/access.h"

#include <algorithm>
#include <map>
#include <set>

#include "api_fixture.h"
#include "base/bytes.h"
#include "daemon/routes.h"
#include "s3client/sigv4.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

using Prefixes = std::vector<config::BucketPrefix>;

config::Sha256Digest digest_of_token(std::string_view token) {
    config::Sha256Digest digest;
    std::ranges::transform(s3client::sha256(base::as_bytes(token)), digest.begin(),
                           [](std::byte b) { return static_cast<std::uint8_t>(b); });
    return digest;
}

config::TokenEntry token_entry(const std::string& name) {
    config::TokenEntry entry;
    entry.name = name;
    entry.digests = {digest_of_token(name + "-token")};
    return entry;
}

std::string bearer(const std::string& name) {
    return "Authorization: Bearer " + name + "-token\r\n";
}

std::string body_of(const std::string& source, const std::string& bucket, const std::string& key) {
    return R"({"source":)" + source + R"(,"destination":{"bucket":")" + bucket + R"(","key":")" +
           key + R"("}})";
}

class AccessTest : public ApiTest {
  protected:
    AccessTest() {
        submitter_.submit = reader_.read = admin_.admin = true;
        tenant_.submit = tenant_.read = other_.submit = other_.read = true;
        tenant_.sources = Prefixes{{"photos", "2026/"}, {"docs", ""}};
        tenant_.destinations = Prefixes{{"out", "tenant/"}};
        tenant_.roles = {"arn:aws:iam::123456789012:role/app-*"};
        other_.destinations = Prefixes{{"out", "other/"}};
        access_.replace({submitter_, reader_, admin_, tenant_, other_}, std::nullopt);
        start();
    }
    TestResponse as(const std::string& name, std::string_view method, std::string_view target,
                    std::string_view body = {}, const std::string& headers = {}) {
        return call(method, target, body, (name.empty() ? "" : bearer(name)) + headers);
    }
    std::string post_as(const std::string& name, const std::string& body,
                        const std::string& headers = {}) {
        const auto response = as(name, "POST", "/archives", body, headers);
        EXPECT_EQ(response.status, 202) << response.body;
        return text_at(response, "/id");
    }

    config::TokenEntry submitter_ = token_entry("submitter"), reader_ = token_entry("reader"),
                       admin_ = token_entry("admin"), tenant_ = token_entry("tenant"),
                       other_ = token_entry("other");
};

// Every route, for every kind of caller: what is open, what needs which scope.
TEST_F(AccessTest, TheMatrixOfScopes) {
    const std::string id = post_as("admin", kGoodBody);
    const std::set<std::string> open = {"/healthz", "/readyz", "/version", "/openapi.json"};
    const std::set<std::string> submits = {"POST /archives", "DELETE /archives/{id}",
                                           "POST /plans"};
    std::size_t checked = 0;
    for (const auto& [method, path] : Routes::list()) {
        std::string target(path);
        if (const auto at = target.find("{id}"); at != std::string::npos) target.replace(at, 4, id);
        const std::string route = std::string(method) + " " + std::string(path);
        const bool is_open =
            open.contains(std::string(path)) || path == "/" || path.starts_with("/page/");
        for (const std::string name : {"", "stranger", "submitter", "reader", "admin"}) {
            if (route == "DELETE /archives/{id}" && (name == "submitter" || name == "admin"))
                continue;  // below
            if (path.ends_with("events") && (name == "reader" || name == "admin")) continue;
            if (path == "/plans" && (name == "submitter" || name == "admin")) continue;
            const bool known = name != "" && name != "stranger";
            const bool has_scope = name == "admin" || (submits.contains(route) ? name == "submitter"
                                                                               : name == "reader");
            const std::string body = method == "POST" ? kGoodBody : "";
            const int status = as(name, method, target, body).status;
            const int refused = known ? 403 : 401;
            if (is_open || has_scope) {
                EXPECT_NE(status, 401) << route << " " << name;
                EXPECT_NE(status, 403) << route << " " << name;
            } else {
                EXPECT_EQ(status, refused) << route << " " << name;
            }
            ++checked;
        }
    }
    EXPECT_GT(checked, 60u);
    EXPECT_EQ(as("submitter", "DELETE", "/archives/" + id).status, 202);
}

TEST_F(AccessTest, WithoutATokenItIsSaidWhatToDo) {
    for (const char* header :
         {"", "Authorization: Basic YTpi\r\n", "Authorization: Bearer\r\n",
          "Authorization: Bearer wrong\r\n", "Authorization: Bearer  \r\n",
          "Authorization: admin-token\r\n", "Authorization: Bearer admin-toke\r\n",
          "Authorization: Bearer admin-token2\r\n", "Authorization: Bearer admin-token x\r\n"}) {
        const auto response = call("GET", "/archives", "", header);
        expect_problem(response, 401, "unauthorized");
        EXPECT_EQ(response.headers.at("www-authenticate"), "Bearer realm=\"s3zipd\"");
    }
    EXPECT_EQ(call("GET", "/archives", "", "authorization: bearer admin-token\r\n").status, 200);
    expect_problem(call("GET", "/archives", "", bearer("admin") + bearer("admin")), 400,
                   "bad-http");
}

TEST_F(AccessTest, ABodyThatNobodyMayPostIsNotRead) {
    TestClient client(port_);
    client.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000000\r\n\r\n");
    expect_problem(client.read_response(), 401, "unauthorized");
}

struct Scoped {
    std::string body;
    std::string pointer;  // empty: allowed
};

TEST_F(AccessTest, WhatATokenMayNameInARequest) {
    const std::string in = R"({"bucket":"photos","prefix":"2026/a/"})";
    const std::vector<Scoped> cases = {
        {body_of(in, "out", "tenant/a.zip"), ""},
        {body_of(R"({"bucket":"docs"})", "out", "tenant/a.zip"), ""},
        {body_of(R"({"bucket":"photos","prefix":"2026"})", "out", "tenant/a.zip"),
         "/sources/0/prefix"},
        {body_of(R"({"bucket":"photos"})", "out", "tenant/a.zip"), "/sources/0/bucket"},
        {body_of(R"({"bucket":"photos","prefix":"2025/"})", "out", "tenant/a.zip"),
         "/sources/0/prefix"},
        {body_of(R"({"bucket":"docs2"})", "out", "tenant/a.zip"), "/sources/0/bucket"},
        {body_of(R"({"bucket":"photos","objects":[{"key":"2026/a"},{"key":"2025/b"}]})", "out",
                 "tenant/a.zip"),
         "/sources/0/objects/1/key"},
        {body_of(R"({"manifest":{"bucket":"photos","key":"list"}})", "out", "tenant/a.zip"),
         "/sources/0/manifest"},
        {body_of(R"({"manifest":{"bucket":"docs","key":"list"}})", "out", "tenant/a.zip"), ""},
        {body_of(in, "out", "tenant"), "/destination"},
        {body_of(in, "out", "other/a.zip"), "/destination"},
        {body_of(in, "out2", "tenant/a.zip"), "/destination"},
        {body_of(in, "out", "tenant/../other/a.zip"), "/destination"},
        {body_of(R"({"bucket":"photos","prefix":"2026/../2025/"})", "out", "tenant/a.zip"),
         "/sources/0/prefix"},
        {body_of(R"({"bucket":"photos","prefix":"2026/..a/b./"})", "out", "tenant/a.zip"), ""},
    };
    for (const Scoped& one : cases) {
        const auto response = as("tenant", "POST", "/archives", one.body);
        if (one.pointer.empty()) {
            EXPECT_EQ(response.status, 202) << one.body << response.body;
            continue;
        }
        expect_problem(response, 403, "not-allowed");
        EXPECT_EQ(text_at(response, "/pointer"), one.pointer) << one.body;
        expect_problem(as("tenant", "POST", "/plans", one.body), 403, "not-allowed");
    }
}

// One that was reused may lie where the caller may not look.
TEST_F(AccessTest, AReusedArchiveElsewhereIsNotDownloaded) {
    const auto id = post_as("admin", body_of(R"({"bucket":"docs"})", "out", "tenant/a.zip"));
    auto result = simple_result();
    result.bucket = "out";
    result.key = "other/a.zip";
    result.reused = true;
    until_end(id, [&] { engine_.next().succeed(result); });
    expect_problem(as("tenant", "GET", "/archives/" + id + "/download"), 403, "not-allowed");
    EXPECT_EQ(as("admin", "GET", "/archives/" + id + "/download").status, 307);
}

TEST_F(AccessTest, RolesMustBeAllowed) {
    const auto with_role = [](const std::string& role) {
        return R"({"source":{"bucket":"docs"},"destination":{"bucket":"out","key":"tenant/a.zip"},)"
               R"("options":{"role_arn":"arn:aws:iam::123456789012:role/)" +
               role + R"("}})";
    };
    EXPECT_EQ(as("tenant", "POST", "/archives", with_role("app-x")).status, 202);
    for (const char* name : {"tenant", "submitter"}) {
        const auto response = as(name, "POST", "/archives", with_role("admin"));
        expect_problem(response, 403, "not-allowed");
        EXPECT_EQ(text_at(response, "/pointer"), "/options/role_arn");
    }
}

TEST_F(AccessTest, EachSeesWhatLiesInItsDestinations) {
    const std::string source = R"({"bucket":"docs"})";
    const auto mine = post_as("tenant", body_of(source, "out", "tenant/a.zip"));
    const auto theirs = post_as("other", body_of(source, "out", "other/a.zip"));
    const auto elsewhere = post_as("submitter", body_of(source, "out", "a.zip"));
    const auto count = [&](const std::string& name) {
        return json_of(as(name, "GET", "/archives")).at("archives").as_array().size();
    };
    EXPECT_EQ(count("tenant"), 1u);
    EXPECT_EQ(count("other"), 1u);
    EXPECT_EQ(count("reader"), 3u);
    EXPECT_EQ(count("admin"), 3u);
    EXPECT_EQ(as("tenant", "GET", "/archives/" + mine).status, 200);
    for (const char* rest : {"", "/events", "/download", "/skipped", "/renamed"})
        expect_problem(as("tenant", "GET", "/archives/" + theirs + rest), 404, "no-such-archive");
    expect_problem(as("tenant", "DELETE", "/archives/" + theirs), 404, "no-such-archive");
    EXPECT_EQ(as("other", "GET", "/archives/" + theirs).status, 200);
    EXPECT_EQ(as("tenant", "DELETE", "/archives/" + mine).status, 202);
    EXPECT_EQ(as("admin", "DELETE", "/archives/" + theirs).status, 202);
    EXPECT_EQ(as("submitter", "DELETE", "/archives/" + elsewhere).status, 202);
}

// A page of the list is full of what the caller may see, however much else there is.
TEST_F(AccessTest, PagesOfTheListAreFull) {
    const std::string source = R"({"bucket":"docs"})";
    for (int i = 0; i < 6; ++i) {
        post_as("tenant", body_of(source, "out", "tenant/a.zip"));
        post_as("other", body_of(source, "out", "other/a.zip"));
    }
    const auto first = as("tenant", "GET", "/archives?limit=4");
    EXPECT_EQ(json_of(first).at("archives").as_array().size(), 4u);
    const auto rest =
        as("tenant", "GET", "/archives?limit=4&cursor=" + text_at(first, "/next_cursor"));
    EXPECT_EQ(json_of(rest).at("archives").as_array().size(), 2u);
    EXPECT_EQ(at(json_of(rest), "/next_cursor"), "null");
}

TEST_F(AccessTest, IdempotencyKeysAreEachCallersOwn) {
    const std::string key = "Idempotency-Key: same\r\n";
    const std::string source = R"({"bucket":"docs"})";
    const auto mine = post_as("tenant", body_of(source, "out", "tenant/a.zip"), key);
    const auto theirs = post_as("other", body_of(source, "out", "other/a.zip"), key);
    EXPECT_NE(mine, theirs);
    EXPECT_EQ(post_as("tenant", body_of(source, "out", "tenant/a.zip"), key), mine);
}

TEST_F(AccessTest, ReplacedTokensCountFromTheNextRequest) {
    EXPECT_EQ(as("reader", "GET", "/archives").status, 200);
    TestClient open(port_);
    EXPECT_EQ(open.call("GET", "/archives", "", bearer("reader")).status, 200);
    reader_.digests = {digest_of_token("reader-token2"), digest_of_token("reader-token3")};
    access_.replace({reader_}, std::nullopt);
    EXPECT_EQ(open.call("GET", "/archives", "", bearer("reader")).status, 401);
    EXPECT_EQ(as("admin", "GET", "/archives").status, 401);
    for (const char* token : {"reader-token2", "reader-token3"}) {
        const std::string header = std::string("Authorization: Bearer ") + token + "\r\n";
        EXPECT_EQ(call("GET", "/archives", "", header).status, 200);
    }
}

TEST_F(AccessTest, TheScopeGoesAlongWithTheRequest) {
    post_as("tenant", body_of(R"({"manifest":{"bucket":"docs","key":"l"}})", "out", "tenant/a"));
    const auto started = engine_.next();
    const auto& scope = started.job->request().scope;
    ASSERT_NE(scope, nullptr);
    EXPECT_TRUE(scope->may_read("photos", "2026/x"));
    EXPECT_FALSE(scope->may_read("photos", "2025/x"));
    EXPECT_FALSE(scope->may_write("out", "other/x"));
}

TEST(Access, CertificatesNameCallersToo) {
    Access access;
    EXPECT_FALSE(access.needs_token());
    EXPECT_TRUE(access.identify("", {})->admin);
    config::TokenEntry entry = token_entry("machine");
    entry.certificates = {"exporter.internal"};
    entry.read = true;
    access.replace({entry}, digest_of_token("root"));
    EXPECT_TRUE(access.needs_token());
    EXPECT_EQ(access.identify("", {}), nullptr);
    EXPECT_EQ(access.identify("", {"exporter"}), nullptr);
    EXPECT_EQ(access.identify("", {"x", "exporter.internal"})->name, "machine");
    EXPECT_EQ(access.identify("Bearer machine-token", {})->name, "machine");
    EXPECT_TRUE(access.identify("Bearer root", {})->admin);
    // A wrong token is not made good by a certificate.
    EXPECT_EQ(access.identify("Bearer wrong", {"exporter.internal"}), nullptr);
}

}  // namespace
}  // namespace s3zipd
