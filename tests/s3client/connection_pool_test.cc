// Which addresses a pool connects to. What goes over the connections is in tests/archive.
#include "s3client/connection_pool.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <memory>
#include <string>

#include "../io/dns_server.h"
#include "../io/on_backends.h"
#include "base/check.h"

namespace s3client {
namespace {

// Listens on one of the addresses of the loopback network; on a free port unless told one.
class Listening {
  public:
    explicit Listening(const char* address, std::uint16_t wanted = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(wanted);
        CHECK(::inet_pton(AF_INET, address, &in.sin_addr) == 1);
        socklen_t size = sizeof in;
        CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&in), size) == 0);
        CHECK(::listen(fd_, 64) == 0);
        CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size) == 0);
        port_ = ntohs(in.sin_port);
    }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    ~Listening() { ::close(fd_); }
    std::uint16_t port() const { return port_; }
    // How many connections have come since it was last asked.
    int taken() const {
        int count = 0;
        for (;; ++count) {
            const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return count;
            ::close(fd);
        }
    }

  private:
    int fd_;
    std::uint16_t port_ = 0;
};

class ConnectionPoolTest : public io::OnBackends {
  protected:
    void SetUp() override { make_pool(std::nullopt); }
    void make_pool(std::optional<io::AddressFilter> filter) {
        io::ResolverThread::Options options;
        options.servers = dns.servers();
        pool = std::make_unique<ConnectionPool>(
            reactor, nullptr, 8, io::must(io::ResolverThread::start(options)), std::move(filter));
    }
    // Opens a connection and closes it again.
    base::Status connect(std::uint16_t port, io::Bounds bounds = {}) {
        Target target;
        target.connect_host = "s3.test";
        target.port = port;
        target.tls = false;
        auto lease = reactor.run_until_done(pool->acquire(target, true, bounds));
        if (!lease) return std::unexpected(lease.error());
        return {};
    }

    io::DnsServer dns;
    std::unique_ptr<ConnectionPool> pool;
};
using io::backend_label;
using io::backends_to_test;
ON_BACKENDS(ConnectionPoolTest);

TEST_P(ConnectionPoolTest, UsesAllAddresses) {
    const Listening one("127.0.0.2");
    const Listening two("127.0.0.3", one.port());
    dns.set("s3.test", {.v4 = {"127.0.0.2", "127.0.0.3"}});
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(connect(one.port()));
    EXPECT_EQ(one.taken(), 3);
    EXPECT_EQ(two.taken(), 3);
    EXPECT_EQ(dns.questions("s3.test"), 1);
}

TEST_P(ConnectionPoolTest, GoesOnToTheAddressThatAnswers) {
    const Listening there("127.0.0.4");
    dns.set("s3.test", {.v4 = {"127.0.0.2", "127.0.0.3", "127.0.0.4"}});
    for (int i = 0; i < 5; ++i) {
        const auto connected = connect(there.port());
        EXPECT_TRUE(connected) << connected.error().to_string();
    }
    EXPECT_EQ(there.taken(), 5);
    EXPECT_EQ(pool->connections_opened(), 5U);
}

// The one that refuses is asked once, not each time its turn comes.
TEST_P(ConnectionPoolTest, RemembersWhichRefused) {
    const Listening there("127.0.0.3");
    dns.set("s3.test", {.v4 = {"127.0.0.2", "127.0.0.3"}});
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(connect(there.port()));
    const Listening late("127.0.0.2", there.port());
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(connect(there.port()));
    EXPECT_EQ(late.taken(), 0);
    EXPECT_EQ(there.taken(), 6);
}

TEST_P(ConnectionPoolTest, NobodyThere) {
    std::uint16_t port = 0;
    {
        const Listening gone("127.0.0.2");
        port = gone.port();
    }
    dns.set("s3.test", {.v4 = {"127.0.0.2"}});
    const auto connected = connect(port);
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().kind, base::ErrorKind::transient);
    EXPECT_EQ(pool->connections_open(), 0U);
}

// What is refused is not even tried, whatever name leads there.
TEST_P(ConnectionPoolTest, TheFilterKeepsItFromAddresses) {
    const Listening refused("127.0.0.2");
    const Listening allowed("127.0.0.3", refused.port());
    make_pool(io::AddressFilter(*base::parse_ip_networks("127.0.0.3")));
    dns.set("s3.test", {.v4 = {"127.0.0.2"}, .v6 = {"::1"}});
    const auto connected = connect(refused.port());
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().kind, base::ErrorKind::denied);
    EXPECT_EQ(connected.error().code, "address_refused");
    EXPECT_NE(connected.error().detail.find("s3.test"), std::string::npos);
    EXPECT_NE(connected.error().detail.find("loopback"), std::string::npos);
    EXPECT_EQ(pool->connections_open(), 0U);
    make_pool(io::AddressFilter(*base::parse_ip_networks("127.0.0.3")));
    dns.set("s3.test", {.v4 = {"127.0.0.2", "127.0.0.3"}});
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(connect(refused.port()));
    EXPECT_EQ(refused.taken(), 0);
    EXPECT_EQ(allowed.taken(), 4);
}

// A deadline bounds the look-up too.
TEST_P(ConnectionPoolTest, ASilentNameServerDoesNotOutlastTheDeadline) {
    dns.set("s3.test", {.silent = true});
    const auto connected = connect(1, {.deadline = reactor.now() + std::chrono::milliseconds(20)});
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code, "timeout");
    EXPECT_NE(connected.error().detail.find("s3.test"), std::string::npos);
    EXPECT_EQ(pool->connections_open(), 0U);
}

}  // namespace
}  // namespace s3client
