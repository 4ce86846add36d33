// Connections of a pool that go through a proxy: what the proxy is asked, and what it may answer.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../io/dns_server.h"
#include "../io/on_backends.h"
#include "fake_http.h"
#include "s3client/connection_pool.h"

namespace s3client {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Accepts connections, as far as the kernel does, and answers nothing.
class Silent {
  public:
    Silent() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof in;
        CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&in), size) == 0);
        CHECK(::listen(fd_, 64) == 0);
        CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size) == 0);
        port_ = ntohs(in.sin_port);
    }
    ~Silent() { ::close(fd_); }
    Silent(const Silent&) = delete;
    Silent& operator=(const Silent&) = delete;
    std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }

  private:
    int fd_;
    unsigned port_ = 0;
};

class ProxyPoolTest : public io::OnBackends {
  protected:
    void make_pool(std::map<std::string, std::string, std::less<>> variables) {
        auto rules =
            io::must(ProxyRules::from_environment(fixed_environment(std::move(variables))));
        io::ResolverThread::Options options;
        options.servers = dns.servers();
        const char* const system_cas = "";
        pool = std::make_unique<ConnectionPool>(
            reactor, io::must(io::TlsContext::create(system_cas)), 8,
            io::must(io::ResolverThread::start(options)), std::nullopt,
            std::make_shared<const ProxyRules>(std::move(rules)));
    }
    static Target target(bool tls, std::string host = "s3.test") {
        Target made;
        made.connect_host = std::move(host);
        made.port = tls ? 443 : 9000;
        made.tls = tls;
        return made;
    }
    // The error of a connection to https://s3.test, which cannot come about.
    base::Error error_of_tunnel(io::Bounds bounds = {}) {
        auto lease = reactor.run_until_done(pool->acquire(target(true), true, bounds));
        EXPECT_FALSE(lease);
        return lease ? base::Error{} : lease.error();
    }
    static std::string authority_of(const FakeHttp& server) {
        return server.url().substr(std::string_view("http://").size());
    }

    io::DnsServer dns;
    std::unique_ptr<ConnectionPool> pool;
};
using io::backend_label;
using io::backends_to_test;
ON_BACKENDS(ProxyPoolTest);

TEST_P(ProxyPoolTest, ATunnelIsAskedForByNameAndWithAuthorization) {
    FakeHttp proxy([](const std::string&) { return FakeHttp::answer(502, ""); });
    make_pool({{"HTTPS_PROXY", "http://user:pass@" + authority_of(proxy)}});
    error_of_tunnel();
    ASSERT_EQ(proxy.requests().size(), 1U);
    EXPECT_EQ(proxy.requests().front(),
              "CONNECT s3.test:443 HTTP/1.1\r\nhost: s3.test:443\r\n"
              "proxy-authorization: Basic dXNlcjpwYXNz\r\n\r\n");
    EXPECT_EQ(dns.questions("s3.test"), 0);  // it may be known to the proxy alone
}

TEST_P(ProxyPoolTest, ARefusalHasItsStatusAndTheProxysName) {
    const std::pair<int, base::ErrorKind> refusals[] = {
        {407, base::ErrorKind::denied},    {403, base::ErrorKind::denied},
        {400, base::ErrorKind::denied},    {302, base::ErrorKind::denied},
        {429, base::ErrorKind::transient}, {500, base::ErrorKind::transient},
        {502, base::ErrorKind::transient}, {503, base::ErrorKind::transient}};
    for (const auto& [status, kind] : refusals) {
        SCOPED_TRACE(status);
        FakeHttp proxy([status](const std::string&) { return FakeHttp::answer(status, "<html>"); });
        make_pool({{"HTTPS_PROXY", "http://user:secret@" + authority_of(proxy)}});
        const base::Error error = error_of_tunnel();
        EXPECT_EQ(error.code, "proxy_refused");
        EXPECT_EQ(error.kind, kind);
        EXPECT_EQ(error.http_status, 0);  // the store has answered nothing
        EXPECT_THAT(error.detail, HasSubstr("proxy " + authority_of(proxy)));
        EXPECT_THAT(error.detail, HasSubstr(" " + std::to_string(status) + " for s3.test:443"));
        EXPECT_THAT(error.detail, Not(HasSubstr("secret")));
        EXPECT_EQ(pool->connections_open(), 0U);
    }
}

TEST_P(ProxyPoolTest, AnswersThatAreNone) {
    const std::pair<std::string, std::string> answers[] = {
        {"", "connection_closed"},
        {"HTTP/1.1 200 OK\r\ncontent-", "connection_closed"},
        {"SSH-2.0-OpenSSH\r\n\r\n", "bad_http_response"},
        {"HTTP/1.1 200 OK\r\n\r\nmore", "bad_http_response"}};
    for (const auto& [answer, code] : answers) {
        SCOPED_TRACE(answer);
        FakeHttp proxy([&answer](const std::string&) { return answer; });
        make_pool({{"HTTPS_PROXY", authority_of(proxy)}});
        const base::Error error = error_of_tunnel();
        EXPECT_EQ(error.code, code);
        EXPECT_THAT(error.detail, HasSubstr("proxy " + authority_of(proxy)));
    }
}

// With the proxy's name also once the tunnel is there: it may be the one that answers for S3.
TEST_P(ProxyPoolTest, WhatFailsBehindTheTunnelIsNotARefusal) {
    FakeHttp proxy([](const std::string&) {
        return std::string("HTTP/1.0 200 Connection established\r\n\r\n");
    });
    make_pool({{"HTTPS_PROXY", authority_of(proxy)}});
    const base::Error error = error_of_tunnel();
    EXPECT_NE(error.code, "proxy_refused");
    EXPECT_THAT(error.detail, HasSubstr("proxy " + authority_of(proxy)));
}

TEST_P(ProxyPoolTest, ASilentProxyIsWaitedForWithinTheBounds) {
    const Silent proxy;
    make_pool({{"HTTPS_PROXY", "http://" + proxy.authority()}});
    const base::SteadyTime began = reactor.now();
    const base::Error error = error_of_tunnel({.deadline = began + 50ms});
    EXPECT_EQ(error.code, "timeout");
    EXPECT_THAT(error.detail, HasSubstr("proxy " + proxy.authority()));
    // Without a deadline of the caller's.
    EXPECT_EQ(error_of_tunnel().code, "timeout");
    EXPECT_LT(reactor.now() - began, 4 * ConnectionPool::kConnectTimeout);
}

TEST_P(ProxyPoolTest, NobodyListensWhereTheProxyShouldBe) {
    std::string authority;
    {
        const Silent gone;
        authority = gone.authority();
    }
    make_pool({{"HTTPS_PROXY", "http://" + authority}});
    const base::Error error = error_of_tunnel();
    EXPECT_EQ(error.kind, base::ErrorKind::transient);
    EXPECT_THAT(error.detail, HasSubstr("proxy " + authority));
}

// A proxy whose name cannot be looked up.
TEST_P(ProxyPoolTest, AProxyThatDoesNotExist) {
    make_pool({{"HTTPS_PROXY", "http://gone.test:1"}});
    const base::Error error = error_of_tunnel();
    EXPECT_THAT(error.detail, HasSubstr("proxy gone.test:1"));
    EXPECT_GE(dns.questions("gone.test"), 1);
}

TEST_P(ProxyPoolTest, PlainHttpGoesInAbsoluteForm) {
    FakeHttp proxy([](const std::string&) { return FakeHttp::answer(200, "body"); });
    make_pool({{"HTTP_PROXY", "http://user:pass@" + authority_of(proxy)}});
    auto lease = reactor.run_until_done(pool->acquire(target(false), true, {}));
    ASSERT_TRUE(lease) << lease.error().to_string();
    Connection& connection = **lease;
    ASSERT_TRUE(reactor.run_until_done(
        connection.send("GET /b/k?x=1 HTTP/1.1\r\nhost: s3.test:9000\r\n\r\n", {}, {})));
    ASSERT_TRUE(reactor.run_until_done(connection.receive_head(false, {})));
    EXPECT_EQ(connection.head().status, 200);
    ASSERT_EQ(proxy.requests().size(), 1U);
    EXPECT_EQ(proxy.requests().front(),
              "GET http://s3.test:9000/b/k?x=1 HTTP/1.1\r\n"
              "proxy-authorization: Basic dXNlcjpwYXNz\r\nhost: s3.test:9000\r\n\r\n");
    EXPECT_EQ(dns.questions("s3.test"), 0);
}

TEST_P(ProxyPoolTest, A407ToPlainHttpIsTheProxys) {
    FakeHttp proxy([](const std::string&) { return FakeHttp::answer(407, "<html>"); });
    make_pool({{"HTTP_PROXY", authority_of(proxy)}});
    auto lease = reactor.run_until_done(pool->acquire(target(false), true, {}));
    ASSERT_TRUE(lease);
    ASSERT_TRUE(reactor.run_until_done(
        (*lease)->send("GET / HTTP/1.1\r\nhost: s3.test:9000\r\n\r\n", {}, {})));
    const auto got = reactor.run_until_done((*lease)->receive_head(false, {}));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, "proxy_refused");
    EXPECT_EQ(got.error().kind, base::ErrorKind::denied);
    EXPECT_THAT(got.error().detail, HasSubstr("proxy " + authority_of(proxy)));
    EXPECT_THAT(got.error().detail, HasSubstr("407"));
    EXPECT_FALSE((*lease)->reusable());
}

// Directly: what NO_PROXY names, and what asks for it (metadata services).
TEST_P(ProxyPoolTest, SomeConnectionsAreDirect) {
    FakeHttp proxy([](const std::string&) { return FakeHttp::answer(407, ""); });
    FakeHttp store([](const std::string&) { return FakeHttp::answer(200, ""); });
    make_pool({{"HTTP_PROXY", authority_of(proxy)}, {"NO_PROXY", "direct.test"}});
    dns.set("direct.test", {.v4 = {"127.0.0.1"}});
    dns.set("s3.test", {.v4 = {"127.0.0.1"}});
    const auto port =
        static_cast<std::uint16_t>(std::stoul(store.url().substr(store.url().rfind(':') + 1)));
    for (const char* host : {"direct.test", "s3.test"}) {
        Target where = target(false, host);
        where.port = port;
        where.direct = where.connect_host == "s3.test";
        auto lease = reactor.run_until_done(pool->acquire(where, true, {}));
        ASSERT_TRUE(lease) << lease.error().to_string();
        ASSERT_TRUE(
            reactor.run_until_done((*lease)->send("GET /k HTTP/1.1\r\nhost: h\r\n\r\n", {}, {})));
        ASSERT_TRUE(reactor.run_until_done((*lease)->receive_head(false, {})));
    }
    EXPECT_TRUE(proxy.requests().empty());
    ASSERT_EQ(store.requests().size(), 2U);
    EXPECT_THAT(store.requests().front(), StartsWith("GET /k HTTP/1.1"));
}

}  // namespace
}  // namespace s3client
