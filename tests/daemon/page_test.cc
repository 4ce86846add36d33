// The page at `/`: its files as answers. The page itself is tested in a browser, tests/page/.
#include "daemon/page.h"

#include "api_fixture.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(ApiTest, ThePageIsForEverybodyAndLoadsNothingFromElsewhere) {
    const config::Sha256Digest nobody_has_it{};
    access_.replace({}, nobody_has_it);
    start();
    EXPECT_EQ(call("GET", "/archives").status, 401);
    for (const auto& [path, type] :
         std::map<std::string, std::string>{{"/", "text/html; charset=utf-8"},
                                            {"/page/app.js", "text/javascript; charset=utf-8"},
                                            {"/page/style.css", "text/css; charset=utf-8"},
                                            {"/page/icon.svg", "image/svg+xml"}}) {
        const TestResponse response = call("GET", path);
        EXPECT_EQ(response.status, 200) << path;
        EXPECT_FALSE(response.body.empty());
        EXPECT_EQ(response.headers.at("content-type"), type);
        EXPECT_EQ(response.headers.at("content-security-policy"),
                  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                  "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
                  "frame-ancestors 'none'");
        EXPECT_EQ(response.headers.at("x-content-type-options"), "nosniff");
        EXPECT_EQ(response.headers.at("referrer-policy"), "no-referrer");
        EXPECT_EQ(response.headers.at("cache-control"), "no-cache");
    }
    const TestResponse head = call("HEAD", "/");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.at("content-length"), std::to_string(call("GET", "/").body.size()));
    expect_problem(call("GET", "/page/none.js"), 404, "no-such-resource");
    expect_problem(call("GET", "/page/..%2Fapi.cc"), 404, "no-such-resource");
    expect_problem(call("GET", "/page/"), 404, "no-such-resource");
    expect_problem(call("POST", "/", "{}"), 405, "method-not-allowed");
}

TEST_F(ApiTest, WhoHasAFileOfThePageIsNotSentItAgain) {
    start();
    const TestResponse first = call("GET", "/page/app.js");
    const std::string etag = first.headers.at("etag");
    EXPECT_THAT(etag, testing::MatchesRegex("\"[0-9a-f]{16}\""));
    for (const std::string& known : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
        const TestResponse again =
            call("GET", "/page/app.js", {}, "If-None-Match: " + known + "\r\n");
        EXPECT_EQ(again.status, 304) << known;
        EXPECT_TRUE(again.body.empty());
        EXPECT_EQ(again.headers.at("etag"), etag);
    }
    const TestResponse other = call("GET", "/page/app.js", {}, "If-None-Match: \"other\"\r\n");
    EXPECT_EQ(other.status, 200);
    EXPECT_EQ(other.body, first.body);
    EXPECT_NE(call("GET", "/").headers.at("etag"), etag);
}

// Everything that a file of the page names is there, and no file is there for nothing.
TEST(Page, FilesNameEachOther) {
    std::string all;
    for (const PageFile& file : kPageFiles) all += file.text();
    for (const PageFile& file : kPageFiles) {
        if (file.name == "index.html") continue;
        const bool is_named = all.contains("./" + std::string(file.name) + "\"") ||
                              all.contains("\"page/" + std::string(file.name) + "\"");
        EXPECT_TRUE(is_named) << file.name;
    }
    for (const char* foreign : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write",
                                "eval(", "new Function", "src=\"http", "style=\""}) {
        for (const PageFile& file : kPageFiles) {
            if (file.name == "dom.js") continue;  // says that it has none
            EXPECT_THAT(std::string(file.text()), Not(HasSubstr(foreign))) << file.name;
        }
    }
}

TEST_F(ApiTest, ADownloadsUrlIsToldInABodyToo) {
    start();
    const std::string id = post();
    const std::string path = "/archives/" + id + "/download";
    expect_problem(call("GET", path + "?redirect=false"), 409, "not-finished");
    const auto started = engine_.next();
    until_end(id, [&] { started.succeed(simple_result()); });
    const TestResponse told = call("GET", path + "?redirect=false");
    EXPECT_EQ(told.status, 200);
    EXPECT_EQ(text_at(told, "/url"), "http://s3.test/out/a.zip?expires=3600");
    EXPECT_EQ(at(json_of(told), "/expires_in"), "3600");
    EXPECT_FALSE(told.headers.contains("location"));
    for (const char* query : {"", "?redirect=true"}) {
        const TestResponse redirected = call("GET", path + query);
        EXPECT_EQ(redirected.status, 307);
        EXPECT_EQ(redirected.headers.at("location"), text_at(told, "/url"));
    }
    for (const char* query : {"?redirect=no", "?redirect=", "?x=1"})
        expect_problem(call("GET", path + query), 400, "bad-parameter");
}

}  // namespace
}  // namespace s3zipd
