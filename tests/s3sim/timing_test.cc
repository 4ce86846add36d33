// The timing model. Only lower bounds are checked: a busy machine may always be slower.
#include <chrono>

#include "client.h"

namespace s3sim::test {
namespace {

class TimingTest : public ServerTest {
  protected:
    static double seconds(const auto& action) {
        const auto start = std::chrono::steady_clock::now();
        action();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
};

TEST_F(TimingTest, Latency) {
    Options options;
    options.latency_ms = 50;
    start(options);
    EXPECT_GE(seconds([&] { client->call("HEAD", "/bkt"); }), 0.050);
}

TEST_F(TimingTest, BandwidthBothWays) {
    Options options;
    options.bandwidth_per_connection = 1 << 20;
    start(options);
    const std::string body(256 << 10, 'x');  // a quarter of a second, less the first 16 KiB
    EXPECT_GE(seconds([&] { EXPECT_EQ(client->call("PUT", "/bkt/k", {}, body).status, 200); }),
              0.2);
    EXPECT_GE(seconds([&] { EXPECT_EQ(client->call("GET", "/bkt/k").body.size(), body.size()); }),
              0.2);
}

TEST_F(TimingTest, RequestRate) {
    Options options;
    options.max_requests_per_second = 2;
    start(options);
    int slowed = 0;
    for (int i = 0; i < 20; ++i)
        slowed += client->call("GET", "/bkt/nope").code() == "SlowDown" ? 1 : 0;
    EXPECT_GT(slowed, 0);
    EXPECT_LT(slowed, 20);
    EXPECT_EQ(server->stats().answers.at("GetObject 503"), static_cast<std::uint64_t>(slowed));
}

TEST_F(TimingTest, DelayFault) {
    Options options;
    options.faults = "HeadBucket nth=1 delay=50";
    start(options);
    EXPECT_GE(seconds([&] { EXPECT_EQ(client->call("HEAD", "/bkt").status, 200); }), 0.050);
}

TEST_F(TimingTest, ABodyDrips) {
    Options options;
    options.faults = "GetObject nth=1 drip=20000; ListObjectsV2 nth=1 drip=1000";
    start(options);
    ASSERT_TRUE(server->put("bkt", "k", std::string(5'000, 'x')));
    EXPECT_GE(seconds([&] { EXPECT_EQ(client->call("GET", "/bkt/k").body.size(), 5'000U); }), 0.18);
    Answer listed;  // a document trickles as well: more than 250 bytes
    EXPECT_GE(seconds([&] { listed = client->call("GET", "/bkt", "list-type=2"); }), 0.18);
    EXPECT_EQ(listed.body, client->call("GET", "/bkt", "list-type=2").body);
}

TEST_F(TimingTest, IdleConnectionsAreClosed) {
    Options options;
    options.idle_timeout_ms = 20;
    start(options);
    EXPECT_EQ(client->call("HEAD", "/bkt").status, 200);
    EXPECT_EQ(client->receive().status, 0);  // waits for the server's close
    EXPECT_EQ(client->call("HEAD", "/bkt").status, 200);
}

}  // namespace
}  // namespace s3sim::test
