// HTTP as such: heads in pieces, keep-alive, pipelining, 100-continue, nonsense.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <thread>

#include "client.h"

namespace s3sim::test {
namespace {

class HttpTest : public ServerTest {
  protected:
    void SetUp() override {
        start();
        ASSERT_TRUE(server->put("bkt", "k", "value"));
    }
    // Waits until the server has seen `accepted` connections and has `open` of them; not for ever.
    bool comes_to(std::uint64_t accepted, std::uint64_t open) {
        const auto end = base::system_clock().steady_now() + std::chrono::seconds(10);
        for (Stats stats = server->stats();
             stats.connections_accepted != accepted || stats.open_connections != open;
             stats = server->stats()) {
            if (base::system_clock().steady_now() > end) return false;
            std::this_thread::yield();
        }
        return true;
    }
};

constexpr std::string_view kStats = "GET /_s3sim/stats HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(HttpTest, AHeadMayComeInPieces) {
    for (const char byte : kStats) ASSERT_TRUE(client->send_raw({&byte, 1}));
    EXPECT_EQ(client->receive().status, 200);
}

TEST_F(HttpTest, OneConnectionServesManyRequests) {
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(client->call("GET", "/bkt/k").body, "value");
        EXPECT_EQ(client->call("GET", "/bkt/nope").status, 404);
        EXPECT_EQ(client->call("PUT", "/bkt/p", {}, std::string(40'000, 'x')).status, 200);
    }
    EXPECT_EQ(server->stats().connections_accepted, 1U);
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
    ASSERT_TRUE(client->send_raw(
        fmt::format("{}GET /_s3sim/nope HTTP/1.1\r\nHost: h\r\n\r\n{}", kStats, kStats)));
    EXPECT_EQ(client->receive().status, 200);
    EXPECT_EQ(client->receive().status, 404);
    EXPECT_EQ(client->receive().status, 200);
}

TEST_F(HttpTest, ConnectionCloseIsHonoured) {
    ASSERT_TRUE(
        client->send_raw("GET /_s3sim/stats HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT_EQ(client->receive().headers.at("connection"), "close");
    EXPECT_FALSE(client->connected());
}

TEST_F(HttpTest, NonsenseIsRefused) {
    for (const std::string& text :
         {std::string("nonsense\r\n\r\n"), std::string("GET  /x HTTP/9.9\r\n\r\n"),
          "GET / HTTP/1.1\r\nX: " + std::string(17'000, 'x')}) {
        ASSERT_TRUE(client->send_raw(text));
        EXPECT_EQ(client->receive().status, 400);
    }
    ASSERT_TRUE(client->send_raw("GET /bkt/%zz HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_EQ(client->receive().code(), "InvalidURI");
}

TEST_F(HttpTest, ChunkedUploadsAreNotTaken) {
    ASSERT_TRUE(client->send_raw(
        "PUT /bkt/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"));
    EXPECT_EQ(client->receive().code(), "NotImplemented");
}

TEST_F(HttpTest, ExpectContinue) {
    // Refused before the body is sent: the answer comes at once.
    ASSERT_TRUE(client->send_raw(
        "PUT /bkt/k HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"));
    EXPECT_EQ(client->receive().code(), "AccessDenied");
    ASSERT_TRUE(
        client->send_raw("POST /_s3sim/faults HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: "
                         "100-continue\r\n\r\n"));
    EXPECT_EQ(client->receive().status, 100);
    ASSERT_TRUE(client->send_raw(" \n"));
    EXPECT_EQ(client->receive().status, 200);
}

TEST_F(HttpTest, ABodyCutShortLeavesNothing) {
    ASSERT_TRUE(
        client->send_raw("PUT /bkt/cut HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"));
    client->disconnect();
    EXPECT_TRUE(comes_to(1, 0));
    EXPECT_FALSE(server->get("bkt", "cut"));
}

// As between fork() and exec() of a test that starts programs: the socket lives on there. Without
// the mend AddressSanitizer sees events of a connection that is gone.
TEST_F(HttpTest, AConnectionThatIsClosedHasNoMoreEvents) {
    EXPECT_EQ(client->call("GET", "/bkt/k").status, 200);
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(pipe[1]);
        char byte = 0;
        _exit(static_cast<int>(::read(pipe[0], &byte, 1)));
    }
    ASSERT_GT(child, 0);
    ASSERT_TRUE(server->set_faults("GetObject reset-early"));
    ASSERT_TRUE(client->send_raw("GET /bkt/k HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(comes_to(1, 0));
    for (int i = 0; i < 3; ++i) {
        client->send_raw(std::string(100'000, 'x'));  // more than is held back for its neighbours
        EXPECT_EQ(Client(server->port()).call("HEAD", "/bkt").status, 200);
    }
    ::close(pipe[1]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    ::close(pipe[0]);
}

// Holds up whoever asks for the time while it is shut.
class GateClock final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::system_clock().steady_now(); }
    base::UtcTime utc_now() override {
        waiting = shut.load();
        waiting.notify_all();
        shut.wait(true);
        return base::system_clock().utc_now();
    }
    std::atomic<bool> shut{false}, waiting{false};
};

// The bytes and the end of a connection that arrive together make one event, not two.
TEST_F(HttpTest, AnEndThatComesWithTheBytesIsSeen) {
    GateClock clock;
    Options options;
    options.threads = 1;
    options.clock = &clock;
    start(options);
    clock.shut = true;
    std::thread first([&] { EXPECT_EQ(client->call("HEAD", "/bkt").status, 200); });
    clock.waiting.wait(false);  // the server's only thread is busy now
    {
        Client second(server->port());
        EXPECT_TRUE(second.send_raw("GET /bkt/k HT"));
    }
    clock.shut = false;
    clock.shut.notify_all();
    first.join();
    EXPECT_TRUE(comes_to(2, 1));
    server.reset();  // before the clock
}

TEST_F(HttpTest, BadSignaturesAreCounted) {
    client->secret_key = "wrong";
    EXPECT_EQ(client->call("PUT", "/bkt/k2", {}, std::string(1'000'000, 'x')).code(),
              "SignatureDoesNotMatch");
    client->access_key = "nobody";
    EXPECT_EQ(client->call("GET", "/bkt/k").code(), "InvalidAccessKeyId");
    EXPECT_EQ(server->stats().signature_failures, 2U);
    EXPECT_FALSE(server->get("bkt", "k2"));
}

TEST_F(HttpTest, ManyClientsAtOnce) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            Client own(server->port());
            const std::string body(200'000 + t, static_cast<char>('a' + t));
            for (int i = 0; i < 10; ++i) {
                EXPECT_EQ(own.call("PUT", fmt::format("/bkt/t{}", t), {}, body).status, 200);
                EXPECT_TRUE(own.call("GET", fmt::format("/bkt/t{}", t)).body == body);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(server->stats().count("PutObject"), 80U);
}

}  // namespace
}  // namespace s3sim::test
