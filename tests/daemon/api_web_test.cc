// The API and web pages: which requests are refused on a real connection, CORS, and the headers
// that every answer has.
#include <fmt/format.h>

#include "api_fixture.h"
#include "base/clock.h"
#include "daemon/routes.h"

namespace s3zipd {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kUi = "https://ui.example";
const std::string kFromUi = "Origin: https://ui.example\r\n";
const std::string kFromEvil = "Origin: https://evil.example\r\n";

class WebTest : public ApiTest {
  protected:
    void allow(const std::string& hosts, const std::string& origins) {
        WebRules rules;
        ASSERT_EQ(config::read_web_hosts(hosts, rules.hosts), "");
        ASSERT_EQ(config::read_web_origins(origins, rules.origins), "");
        access_.set_web_rules(std::move(rules));
    }
    // One request with these header lines and no others.
    TestResponse ask(std::string_view method, std::string_view target, const std::string& headers,
                     const std::string& body = {}) {
        TestClient client(port_);
        client.send(text_of(method, target, headers, body));
        return client.read_response(method != "HEAD");
    }
    static std::string text_of(std::string_view method, std::string_view target,
                               const std::string& headers, const std::string& body = {}) {
        const std::string type = body.empty() ? ""
                                              : fmt::format(
                                                    "Content-Type: application/json\r\n"
                                                    "Content-Length: {}\r\n",
                                                    body.size());
        return fmt::format("{} {} HTTP/1.1\r\n{}{}\r\n{}", method, target, headers, type, body);
    }
    std::string own_host() const { return fmt::format("Host: localhost:{}\r\n", port_); }
    std::string own_origin() const { return fmt::format("Origin: http://localhost:{}\r\n", port_); }
    static bool has_cors(const TestResponse& response) {
        for (const auto& [name, value] : response.headers) {
            if (name.starts_with("access-control-")) return true;
        }
        return false;
    }
};

TEST_F(WebTest, EveryPathWantsAHostOfThisMachine) {
    start();
    for (const auto& [method, pattern] : Routes::list()) {
        std::string path(pattern);
        if (const auto id = path.find("{id}"); id != std::string::npos) path.replace(id, 4, "x");
        const std::string body = method == "POST" ? kGoodBody : "";
        const auto refused = ask(method, path, "Host: evil.example\r\n", body);
        expect_problem(refused, 403, "host-not-allowed");
        EXPECT_THAT(text_at(refused, "/detail"),
                    AllOf(HasSubstr("Host is evil.example"), HasSubstr("allowed_hosts")));
    }
    for (const char* path : {"/page/app.js", "/nowhere"})
        expect_problem(ask("GET", path, "Host: evil.example\r\n"), 403, "host-not-allowed");
    EXPECT_EQ(engine_.waiting_starts(), 0u);
    EXPECT_EQ(ask("GET", "/archives", own_host()).status, 200);
    EXPECT_EQ(ask("GET", "/archives", "Host: [::1]:1\r\n").status, 200);
}

TEST_F(WebTest, HostsThatAreNone) {
    start();
    for (const char* headers :
         {"", "Host:\r\n", "Host: \r\n", "Host: a b\r\n", "Host: localhost:x\r\n",
          "Host: localhost:65536\r\n", "Host: localhost/\r\n", "Host: me@localhost\r\n",
          "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nhost: evil.example\r\n"}) {
        expect_problem(ask("GET", "/archives", headers), 400, "bad-http");
    }
    // Without a name there is nothing to check, whatever the version.
    TestClient old(port_);
    old.send("GET /archives HTTP/1.0\r\n\r\n");
    expect_problem(old.read_response(), 400, "bad-http");
    // The target of a proxy's request would count for more than Host.
    expect_problem(ask("GET", "http://evil.example/archives", own_host()), 400, "bad-http");
    for (const char* once : {"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"}) {
        const auto twice =
            ask("GET", "/archives", fmt::format("{0}{1}: none\r\n{1}: none\r\n", own_host(), once));
        expect_problem(twice, 400, "bad-http");
        EXPECT_THAT(text_at(twice, "/detail"), HasSubstr(once));
    }
}

TEST_F(WebTest, PagesFromElsewhereAreRefused) {
    start();
    for (const std::string& headers :
         {kFromEvil, std::string("Origin: null\r\n"), std::string("Sec-Fetch-Site: cross-site\r\n"),
          std::string("Sec-Fetch-Site: same-site\r\n"),
          "Origin: http://localhost:1\r\n" + kFromUi}) {
        for (const char* method : {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}) {
            const auto refused = ask(method, "/archives", own_host() + headers);
            EXPECT_TRUE(refused.status == 403 || refused.status == 400) << method << headers;
            EXPECT_FALSE(has_cors(refused)) << headers;
        }
    }
    const auto posted = ask("POST", "/archives", own_host() + kFromEvil, kGoodBody);
    expect_problem(posted, 403, "origin-not-allowed");
    EXPECT_THAT(text_at(posted, "/detail"),
                AllOf(HasSubstr("Origin is https://evil.example"), HasSubstr("allowed_origins")));
    EXPECT_EQ(engine_.waiting_starts(), 0u);
    // As a form would send it.
    expect_problem(ask("POST", "/archives",
                       own_host() + kFromEvil +
                           "Content-Type: text/plain\r\nContent-Length: 2\r\n"
                           "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"),
                   403, "origin-not-allowed");
    EXPECT_EQ(ask("POST", "/archives",
                  own_host() + own_origin() + "Sec-Fetch-Site: same-origin\r\n", kGoodBody)
                  .status,
              202);
    EXPECT_EQ(ask("GET", "/archives", own_host() + "Sec-Fetch-Site: none\r\n").status, 200);
}

// A refused request with a body leaves nothing behind that could be read as another request.
TEST_F(WebTest, TheBodyOfARefusedRequestIsNoRequest) {
    start();
    TestClient client(port_);
    client.send(text_of("POST", "/archives", own_host() + kFromEvil,
                        text_of("POST", "/archives", own_host(), kGoodBody)));
    EXPECT_EQ(client.read_response().status, 403);
    EXPECT_EQ(client.read_response().status, 0);
    EXPECT_EQ(engine_.waiting_starts(), 0u);
}

TEST_F(WebTest, ALinkToThePageWorks) {
    start();
    const std::string link =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    EXPECT_EQ(ask("GET", "/", own_host() + link).status, 200);
    expect_problem(ask("GET", "/archives", own_host() + link), 403, "origin-not-allowed");
    expect_problem(ask("GET", "/", "Host: evil.example\r\n" + link), 403, "host-not-allowed");
}

TEST_F(WebTest, RulesHoldFromTheNextRequestOn) {
    start();
    TestClient client(port_);
    const std::string request =
        text_of("GET", "/archives", "Host: zip.example\r\nOrigin: https://ui.example\r\n");
    client.send(request);
    expect_problem(client.read_response(), 403, "host-not-allowed");
    allow("zip.example", kUi);
    client.send(request);
    const auto allowed = client.read_response();
    EXPECT_EQ(allowed.status, 200);
    EXPECT_EQ(allowed.headers.at("access-control-allow-origin"), kUi);
    allow("zip.example", "");
    client.send(request);
    expect_problem(client.read_response(), 403, "origin-not-allowed");
}

TEST_F(WebTest, WithTokensHostsAreFree) {
    access_.replace({}, config::Sha256Digest{});  // nobody has this token
    start();
    EXPECT_EQ(ask("GET", "/healthz", "Host: zip.example\r\n").status, 200);
    expect_problem(ask("GET", "/archives", "Host: zip.example\r\n" + kFromEvil), 401,
                   "unauthorized");
    expect_problem(ask("GET", "/healthz", "Host: a b\r\n"), 400, "bad-http");
    TestClient old(port_);
    old.send("GET /healthz HTTP/1.0\r\n\r\n");
    EXPECT_EQ(old.read_response().status, 200);
    allow("", kUi);
    const auto evil = ask("GET", "/archives", own_host() + kFromEvil);
    EXPECT_EQ(evil.status, 401);
    EXPECT_FALSE(has_cors(evil));
    EXPECT_EQ(evil.headers.at("vary"), "Origin");
    // A page that may use the API can read that its token is wrong.
    const auto ui = ask("GET", "/archives", own_host() + kFromUi);
    EXPECT_EQ(ui.status, 401);
    EXPECT_EQ(ui.headers.at("access-control-allow-origin"), kUi);
}

TEST_F(WebTest, Preflights) {
    const std::string wish =
        "Access-Control-Request-Method: POST\r\n"
        "Access-Control-Request-Headers: content-type,idempotency-key\r\n";
    start();
    expect_problem(ask("OPTIONS", "/archives", own_host() + kFromUi + wish), 403,
                   "origin-not-allowed");
    allow("", kUi);
    for (const bool needs_token : {false, true}) {
        if (needs_token) access_.replace({}, config::Sha256Digest{});
        const auto answer = ask("OPTIONS", "/archives", own_host() + kFromUi + wish);
        EXPECT_EQ(answer.status, 204);
        EXPECT_FALSE(answer.headers.contains("content-length"));
        EXPECT_FALSE(answer.headers.contains("content-type"));
        EXPECT_EQ(answer.headers.at("access-control-allow-origin"), kUi);
        EXPECT_EQ(answer.headers.at("access-control-allow-methods"), "GET, HEAD, POST");
        EXPECT_THAT(answer.headers.at("access-control-allow-headers"),
                    AllOf(HasSubstr("Authorization"), HasSubstr("Content-Type"),
                          HasSubstr("Idempotency-Key")));
        EXPECT_FALSE(answer.headers.contains("access-control-allow-credentials"));
        EXPECT_EQ(answer.headers.at("vary"), "Origin");
        EXPECT_EQ(ask("OPTIONS", "/archives/x", own_host() + kFromUi + wish)
                      .headers.at("access-control-allow-methods"),
                  "GET, HEAD, DELETE");
        expect_problem(ask("OPTIONS", "/nowhere", own_host() + kFromUi + wish), 404,
                       "no-such-resource");
        // No preflight: it asks for nothing.
        expect_problem(ask("OPTIONS", "/archives", own_host() + kFromUi), 405,
                       "method-not-allowed");
        const auto evil = ask("OPTIONS", "/archives", own_host() + kFromEvil + wish);
        expect_problem(evil, needs_token ? 405 : 403,
                       needs_token ? "method-not-allowed" : "origin-not-allowed");
        EXPECT_FALSE(has_cors(evil));
    }
}

TEST_F(WebTest, AnAllowedPageUsesTheApi) {
    allow("", kUi);
    start();
    const std::string from = own_host() + kFromUi + "Sec-Fetch-Site: cross-site\r\n";
    const auto posted = ask("POST", "/archives", from, kGoodBody);
    EXPECT_EQ(posted.status, 202);
    EXPECT_EQ(posted.headers.at("access-control-allow-origin"), kUi);
    EXPECT_THAT(posted.headers.at("access-control-expose-headers"), HasSubstr("Location"));
    const auto missing = ask("GET", "/archives/x", from);
    expect_problem(missing, 404, "no-such-archive");
    EXPECT_EQ(missing.headers.at("access-control-allow-origin"), kUi);
    for (const std::string& target :
         {std::string("/events"), "/archives/" + text_at(posted, "/id") + "/events"}) {
        TestClient client(port_);
        client.send(text_of("GET", target, from));
        EXPECT_EQ(client.read_response(false).headers.at("access-control-allow-origin"), kUi);
        TestClient own(port_);
        own.send(text_of("GET", target, own_host()));
        EXPECT_FALSE(has_cors(own.read_response(false)));
    }
    EXPECT_FALSE(has_cors(ask("GET", "/archives", own_host())));
    EXPECT_EQ(ask("GET", "/archives", own_host()).headers.at("vary"), "Origin");
}

TEST_F(WebTest, WithoutAllowedOriginsThereIsNoCors) {
    start();
    for (const std::string& origin : {std::string(), own_origin()}) {
        const auto answer = ask("GET", "/archives", own_host() + origin);
        EXPECT_EQ(answer.status, 200);
        EXPECT_FALSE(has_cors(answer));
        EXPECT_FALSE(answer.headers.contains("vary"));
    }
}

TEST_F(WebTest, RepeatedParametersAreNamed) {
    start();
    const std::string id = post();
    for (const auto& [target, name] : std::vector<std::pair<std::string, std::string>>{
             {"/archives?limit=1&limit=2", "limit"},
             {"/archives?limit=1&limit=1", "limit"},
             {"/archives?limit=&limit=5", "limit"},
             {"/archives?state=queued&limit=1&st%61te=failed", "state"},
             {"/archives?state&state", "state"},
             {"/archives?x=1&x=2", "x"},
             {"/archives?cursor=&cursor=", "cursor"},
             {"/events?seconds=1&seconds=2", "seconds"},
             {"/archives/" + id + "/download?redirect=true&redirect=false", "redirect"},
             {"/archives/" + id + "/skipped?limit=1&cursor=&limit=1", "limit"},
             {"/archives/" + id + "/renamed?cursor=1&cursor=1", "cursor"},
             {"/archives/" + id + "?a=1&a=1", "a"},
             {"/healthz?a=1&b=2&a=3", "a"}}) {
        const auto refused = call("GET", target);
        expect_problem(refused, 400, "bad-parameter");
        EXPECT_EQ(text_at(refused, "/parameter"), name) << target;
        EXPECT_THAT(text_at(refused, "/detail"), HasSubstr("more than once"));
    }
    expect_problem(call("POST", "/archives?a=1&a=1", kGoodBody), 400, "bad-parameter");
    EXPECT_EQ(call("GET", "/archives?limit=1&state=queued&Limit=1").status, 400);  // unknown
    EXPECT_EQ(call("GET", "/healthz?a=1&A=1").status, 200);
    EXPECT_EQ(call("GET", "/healthz?&&a").status, 200);
}

// Date is now, and both are there once.
void expect_common_headers(const std::string& answer, const std::string& what) {
    const std::string head = answer.substr(0, answer.find("\r\n\r\n") + 2);
    const auto count = [&head](const std::string& line) {
        std::size_t found = 0;
        for (auto at = head.find(line); at != head.npos; at = head.find(line, at + 1)) ++found;
        return found;
    };
    EXPECT_EQ(count("\r\nX-Content-Type-Options: nosniff\r\n"), 1u) << what << "\n" << head;
    ASSERT_EQ(count("\r\nDate: "), 1u) << what << "\n" << head;
    const std::size_t at = head.find("\r\nDate: ") + 8;
    const auto date = base::parse_http_date(head.substr(at, head.find("\r\n", at) - at));
    ASSERT_TRUE(date.has_value()) << head;
    const auto off = std::chrono::system_clock::now() - *date;
    EXPECT_LT(std::chrono::abs(off), std::chrono::minutes(1)) << head;
    EXPECT_THAT(head.substr(at, 29), testing::MatchesRegex("[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} "
                                                           "[0-9]{4} [0-9:]{8} GMT"));
}

TEST_F(WebTest, EveryAnswerHasDateAndNosniff) {
    allow("", kUi);
    start({}, {.running_max = 1, .queued_max = 1});
    const std::string host = own_host(), end = "Connection: close\r\n";
    const auto answer_to = [&](const std::string& request) {
        TestClient client(port_);
        client.send(request);
        client.finish_sending();
        return client.read_to_end();
    };
    const std::string post_text = text_of("POST", "/archives", host + end, kGoodBody);
    const std::string etag = call("GET", "/").headers.at("etag");
    const std::vector<std::pair<int, std::string>> cases = {
        {202, post_text},
        {202, post_text},
        {429, post_text},
        {200, text_of("GET", "/archives", host + end)},
        {200, text_of("HEAD", "/archives", host + end)},
        {200, text_of("GET", "/", host + end)},
        {200, text_of("GET", "/page/app.js", host + end)},
        {200, text_of("GET", "/metrics", host + end)},
        {200, text_of("GET", "/openapi.json", host + end)},
        {304, text_of("GET", "/", host + end + "If-None-Match: " + etag + "\r\n")},
        {204, text_of("OPTIONS", "/archives",
                      host + end + kFromUi + "Access-Control-Request-Method: POST\r\n")},
        {400, "hello\r\n\r\n"},
        {400, "GET / HTTP/9.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8)},
        {400, text_of("POST", "/archives", host + end + "Transfer-Encoding: gzip\r\n")},
        {400, text_of("POST", "/archives", host + end, "{")},
        {403, text_of("GET", "/", "Host: evil.example\r\n" + end)},
        {404, text_of("GET", "/nowhere", host + end)},
        {405, text_of("DELETE", "/", host + end)},
        {413, text_of("POST", "/archives",
                      host + "Content-Type: application/json\r\nContent-Length: 99999999\r\n")},
        {414, text_of("GET", "/" + std::string(5000, 'a'), host + end)},
        {415, text_of("POST", "/archives", host + end + "Content-Length: 0\r\n")},
        {422, text_of("POST", "/archives", host + end, "{}")},
        {431, text_of("GET", "/", host + "X: " + std::string(20'000, 'x') + "\r\n")},
        {200, text_of("GET", "/events?seconds=1", host)},
    };
    for (const auto& [status, request] : cases) {
        const std::string answer = answer_to(request);
        EXPECT_THAT(answer, testing::StartsWith(fmt::format("HTTP/1.1 {} ", status)))
            << request.substr(0, 200);
        expect_common_headers(answer, request.substr(0, 200));
    }
}

TEST_F(WebTest, AnswersToConnectionsTooManyHaveThemToo) {
    allow("", kUi);
    ApiLimits limits;
    limits.connections_max = 1;
    start(limits);
    TestClient watcher(port_);
    watcher.send(text_of("GET", "/events", own_host()));
    expect_common_headers(watcher.read_until("\r\n\r\n"), "events");
    TestClient refused(port_);
    refused.send(text_of("GET", "/healthz", own_host() + kFromUi));
    refused.finish_sending();
    const std::string answer = refused.read_to_end();
    EXPECT_THAT(answer, AllOf(testing::StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: "),
                              HasSubstr("Access-Control-Allow-Origin: https://ui.example\r\n")));
    expect_common_headers(answer, "503");
}

}  // namespace
}  // namespace s3zipd
