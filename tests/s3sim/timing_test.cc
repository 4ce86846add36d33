// The timing model. Only lower bounds are checked: a busy machine may always be slower.
#include "s3sim/timing.h"

#include <sys/resource.h>
#include <chrono>
#include <thread>

#include "client.h"

namespace s3sim::test {
namespace {

base::Duration ms(double value) {
    return std::chrono::duration_cast<base::Duration>(
        std::chrono::duration<double, std::milli>(value));
}

TEST(LatencyModel, Percentiles) {
    const auto model = LatencyModel::parse("30ms, jitter=20ms, tail=1%:3s, p99.9=10s, seed=5");
    ASSERT_TRUE(model) << model.error().to_string();
    int tails = 0;
    int far = 0;
    base::Duration sum{0};
    for (std::uint64_t n = 0; n < 100'000; ++n) {
        const auto delay = model->delay(n);
        EXPECT_EQ(delay, model->delay(n));
        const bool tail = delay >= ms(3000);
        tails += tail ? 1 : 0;
        far += delay >= ms(10'000) ? 1 : 0;
        EXPECT_GE(delay, ms(30));
        EXPECT_LT(delay, ms(10'020));
        if (tail) continue;
        EXPECT_LT(delay, ms(50));
        sum += delay;
    }
    EXPECT_NEAR(tails, 1100, 150);
    EXPECT_NEAR(far, 100, 45);
    EXPECT_NEAR(std::chrono::duration<double>(sum).count() / (100'000 - tails), 0.040, 0.001);
    const auto other = LatencyModel::parse("first-byte=30ms,jitter=20ms,seed=6");
    ASSERT_TRUE(other);
    EXPECT_NE(other->delay(1), model->delay(1));
    EXPECT_EQ(LatencyModel::parse("")->delay(0), ms(0));
    EXPECT_EQ(LatencyModel::parse("250us")->delay(9), ms(0.25));
    EXPECT_EQ(LatencyModel::parse("1s,tail=100%:1.5s")->delay(9), ms(1500));
}

TEST(LatencyModel, Refusals) {
    for (const char* text :
         {"30", "30m", "ms", "-1ms", "jitter", "jitter=5", "tail=1%", "tail=3s", "tail=0.01:3s",
          "tail=101%:3s", "p101=3s", "p=3s", "seed=", "wibble=3s", "tail=60%:1s,p50=3s", "infs",
          "nanms", "1e3ms", "100000s"}) {
        EXPECT_FALSE(LatencyModel::parse(text)) << text;
    }
}

TEST(TokenBucket, Refills) {
    TokenBucket bucket(2);
    const base::SteadyTime start = base::SteadyTime{} + std::chrono::hours(1);
    EXPECT_TRUE(bucket.take(start));
    EXPECT_TRUE(bucket.take(start));
    EXPECT_FALSE(bucket.take(start));
    EXPECT_FALSE(bucket.take(start + ms(499)));
    EXPECT_TRUE(bucket.take(start + ms(501)));
    EXPECT_FALSE(bucket.take(start + ms(502)));
    EXPECT_TRUE(bucket.take(start + std::chrono::hours(1)));  // no more than a second's worth
    EXPECT_TRUE(bucket.take(start + std::chrono::hours(1)));
    EXPECT_FALSE(bucket.take(start + std::chrono::hours(1)));
    TokenBucket none(0);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(none.take(start));
}

TEST(SharedBandwidth, DealsOutInOrder) {
    SharedBandwidth host(1000);
    const base::SteadyTime start = base::SteadyTime{} + std::chrono::hours(1);
    EXPECT_EQ(host.reserve(500, start), start);
    EXPECT_EQ(host.reserve(250, start), start + ms(500));
    EXPECT_EQ(host.reserve(1, start + ms(100)), start + ms(750));
    EXPECT_EQ(host.reserve(1, start + ms(5000)), start + ms(5000));  // rest is not saved up
}

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

TEST_F(TimingTest, RequestRatePerClass) {
    Options options;
    options.max_reads_per_second = 1;
    start(options);
    int slowed = 0;
    for (int i = 0; i < 20; ++i) {
        slowed += client->call("HEAD", "/bkt").status == 503 ? 1 : 0;
        EXPECT_EQ(client->call("PUT", "/bkt/k", {}, "v").status, 200);
    }
    EXPECT_GT(slowed, 0);
    EXPECT_LT(slowed, 20);
    options.max_reads_per_second = 0;
    options.max_writes_per_second = 1;
    start(options);
    slowed = 0;
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(client->call("HEAD", "/bkt").status, 200);
        slowed += client->call("PUT", "/bkt/k", {}, "v").code() == "SlowDown" ? 1 : 0;
    }
    EXPECT_GT(slowed, 0);
    EXPECT_LT(slowed, 20);
}

TEST_F(TimingTest, LatencyOfTheModel) {
    Options options;
    options.latency = "10ms,tail=100%:60ms";
    options.latency_ms = 20;
    start(options);
    EXPECT_GE(seconds([&] { client->call("HEAD", "/bkt"); }), 0.080);
    options.latency = "10";
    EXPECT_FALSE(Server::start(options));
}

TEST_F(TimingTest, TheHostsBandwidthIsShared) {
    Options options;
    options.bandwidth_host = 2 << 20;
    start(options);
    const std::string body(256 << 10, 'x');
    // A mebibyte each way at two a second, less the 64 KiB that are free at first.
    const auto all = [&](const auto& action) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                Client own(server->port());
                action(own);
            });
        }
        for (std::thread& thread : threads) thread.join();
    };
    EXPECT_GE(
        seconds([&] {
            all([&](Client& own) { EXPECT_EQ(own.call("PUT", "/bkt/k", {}, body).status, 200); });
        }),
        0.4);
    EXPECT_GE(seconds([&] {
                  all([&](Client& own) { EXPECT_TRUE(own.call("GET", "/bkt/k").body == body); });
              }),
              0.4);
}

// Many answers wait at once, on timers: together, not one after the other, and nobody spins.
TEST_F(TimingTest, ManyDelayedAnswers) {
    constexpr std::uint64_t kCount = 400;
    Options options;
    options.latency = "500ms";
    start(options);
    const auto cpu_seconds = [] {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    };
    std::vector<std::unique_ptr<Client>> clients;
    const double took = seconds([&] {
        for (std::uint64_t i = 0; i < kCount; ++i) {
            clients.push_back(std::make_unique<Client>(server->port()));
            ASSERT_TRUE(clients.back()->send_raw("HEAD /bkt/k HTTP/1.1\r\nHost: h\r\n\r\n"));
        }
        while (server->stats().count("HeadObject") < kCount) std::this_thread::yield();
        const double cpu_before = cpu_seconds();
        const double waited =
            seconds([&] { EXPECT_EQ(clients.back()->receive(true).status, 403); });
        EXPECT_LT(cpu_seconds() - cpu_before, 0.1 + waited / 2);
        clients.pop_back();
        for (const auto& one : clients) EXPECT_EQ(one->receive(true).status, 403);
    });
    EXPECT_GE(took, 0.5);
    EXPECT_LT(took, 0.5 * kCount / 4);
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
