// Jobs whose requests go through a proxy, as the environment says.
#include <gmock/gmock.h>

#include "../daemon/tls_proxy.h"
#include "../s3client/http_proxy.h"
#include "base/log.h"
#include "engine_fixture.h"
#include "key_server.h"

namespace archive::test {
namespace {

using s3client::HttpProxy;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Variables = std::map<std::string, std::string, std::less<>>;

class EngineProxy : public EngineTest {
  protected:
    EngineConfig config_of(Variables variables, std::string endpoint) const {
        EngineConfig with = config(2, 40);
        with.endpoint_url = std::move(endpoint);
        with.environment = s3client::fixed_environment(std::move(variables));
        return with;
    }
    // A name for the store that only the proxy can make sense of.
    std::string named_endpoint(const std::string& scheme = "http") const {
        return scheme + "://s3.test:" + std::to_string(server->port());
    }
    static std::string url_of(const HttpProxy& proxy, const std::string& user_info = "") {
        return "http://" + user_info + "127.0.0.1:" + std::to_string(proxy.port());
    }
    void put_some() {
        put("small", "some bytes");
        put("big", random_text(1, 12 * kMiB));
    }
};
ON_ENGINES(EngineProxy);

TEST_P(EngineProxy, PlainHttpIsPassedOn) {
    put_some();
    const HttpProxy proxy("Basic dXNlcjpwYXNz");
    start_engine(config_of({{"http_proxy", url_of(proxy, "user:pass@")}}, named_endpoint()));
    expect_archive(request());
    const auto asked = proxy.requests();
    const std::string origin = named_endpoint();
    EXPECT_THAT(asked, Contains(StartsWith("GET " + origin + "/src/big")));
    EXPECT_THAT(asked, Contains(StartsWith("PUT " + origin + "/out/a.zip?")));
    EXPECT_THAT(asked, Each(HasSubstr(" " + origin + "/")));
    EXPECT_LT(proxy.connections(), asked.size());  // they are kept
    EXPECT_EQ(engine->stats().retries, 0U);
    EXPECT_TRUE(verify("a.zip")->ok());
}

TEST_P(EngineProxy, HttpsGoesThroughATunnel) {
    put_some();
    s3zipd::TlsProxy tls(server->port());
    const HttpProxy proxy("Basic dXNlcjpwYXNz");
    const std::string port = tls.endpoint().substr(tls.endpoint().rfind(':') + 1);
    EngineConfig with =
        config_of({{"HTTPS_PROXY", url_of(proxy, "user:pass@")}, {"HTTP_PROXY", "http://gone:1"}},
                  "https://localhost:" + port);
    with.ca_bundle = tls.pem_file();
    start_engine(with);
    expect_archive(request());
    EXPECT_THAT(proxy.requests(), Each("localhost:" + port));
    EXPECT_EQ(proxy.requests().size(), proxy.connections());
    EXPECT_EQ(engine->stats().retries, 0U);
    engine.reset();
}

// The proxy cannot answer for the store: its certificate is looked at through the tunnel.
TEST_P(EngineProxy, ACertificateOfAnotherNameIsRefusedBehindTheTunnel) {
    put_some();
    s3zipd::TlsProxy tls(server->port());
    const HttpProxy proxy;
    const std::string port = tls.endpoint().substr(tls.endpoint().rfind(':') + 1);
    EngineConfig with = config_of({{"HTTPS_PROXY", url_of(proxy)}}, "https://s3.test:" + port);
    with.ca_bundle = tls.pem_file();
    start_engine(with);
    const JobSnapshot end = run(request());
    ASSERT_TRUE(end.error);
    EXPECT_EQ(end.error->code, "tls_certificate");
    EXPECT_THAT(end.error->detail, HasSubstr("proxy 127.0.0.1:"));
    engine.reset();
}

TEST_P(EngineProxy, NoProxyMakesItDirect) {
    put_some();
    const HttpProxy proxy;
    for (const char* list : {"127.0.0.1", "127.0.0.0/8", "*"}) {
        start_engine(
            config_of({{"ALL_PROXY", url_of(proxy)}, {"NO_PROXY", list}}, server->endpoint()));
        expect_archive(request(list == std::string("*") ? "all" : "some"));
        EXPECT_EQ(proxy.connections(), 0U) << list;
        ASSERT_TRUE(server->set_faults(""));
        engine.reset();
        start_server();
        put_some();
    }
}

TEST_P(EngineProxy, ARefusalFailsTheJobAndNamesTheProxy) {
    put_some();
    const HttpProxy proxy("Basic dXNlcjpwYXNz");
    for (const std::string& scheme : {"http", "https"}) {
        EngineConfig with =
            config_of({{"ALL_PROXY", url_of(proxy, "user:secret@")}}, named_endpoint(scheme));
        start_engine(with);
        const JobSnapshot end = run(request());
        EXPECT_EQ(end.state, JobState::failed);
        ASSERT_TRUE(end.error);
        EXPECT_EQ(end.error->code, "proxy_refused");
        EXPECT_THAT(end.error->detail, HasSubstr("proxy 127.0.0.1:"));
        EXPECT_THAT(end.error->detail, HasSubstr("407"));
        EXPECT_THAT(end.error->detail, Not(HasSubstr("secret")));
        EXPECT_EQ(engine->stats().retries, 0U);
    }
}

// What hands out keys is on this machine or its link: no proxy may see them.
TEST_P(EngineProxy, KeysAreFetchedDirectly) {
    put_some();
    const HttpProxy proxy;
    KeyServer keys(*server, std::chrono::seconds(60));
    EngineConfig with = config_of({}, named_endpoint());
    with.access_key_id.clear();
    with.secret_access_key.clear();
    with.environment = [of_keys = keys.environment(),
                        url = url_of(proxy)](std::string_view name) -> std::optional<std::string> {
        if (name == "ALL_PROXY") return url;
        return of_keys(name);
    };
    start_engine(with);
    expect_archive(request());
    EXPECT_GE(keys.given(), 1);
    EXPECT_THAT(proxy.requests(), Each(HasSubstr(" " + named_endpoint() + "/")));
    engine.reset();
}

TEST_P(EngineProxy, AProxyThatIsNoneIsAnErrorAtTheStart) {
    const auto engine_of = [&](const char* url) {
        return Engine::create(config_of({{"HTTPS_PROXY", url}}, server->endpoint()));
    };
    const auto refused = engine_of("socks5://user:secret@127.0.0.1:1080");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "bad_proxy");
    EXPECT_THAT(refused.error().detail, StartsWith("HTTPS_PROXY: "));
    EXPECT_THAT(refused.error().detail, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace archive::test
