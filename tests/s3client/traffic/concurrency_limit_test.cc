#include "s3client/traffic/concurrency_limit.h"

#include <gtest/gtest.h>
#include <queue>

namespace s3client {
namespace {

using base::Duration;
using base::SteadyTime;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A store and a network that move `bytes_per_second` at most, `bytes_per_connection` each, and wait
// `latency` before each answer; someone always has another request of `size` bytes.
struct World {
    double bytes_per_second;
    double bytes_per_connection;
    Duration latency;
    double size;

    Duration time_of_one(unsigned under_way) const {
        const double pace = std::min(bytes_per_connection, bytes_per_second / under_way);
        return latency + std::chrono::duration_cast<Duration>(duration<double>(size / pace));
    }
    // Runs for so long; gives the mean throughput of the second half.
    double run(ConcurrencyLimit& limit, Duration lasts, SteadyTime& now) const {
        std::priority_queue<SteadyTime, std::vector<SteadyTime>, std::greater<>> under_way;
        const SteadyTime began = now;
        double moved = 0;
        while (now < began + lasts) {
            while (under_way.size() < limit.limit())
                under_way.push(now + time_of_one(static_cast<unsigned>(under_way.size()) + 1));
            now = under_way.top();
            under_way.pop();
            limit.on_ended(now, static_cast<std::uint64_t>(size), true);
            if (now >= began + lasts / 2) moved += size;
        }
        return moved / duration<double>(lasts / 2).count();
    }
};

class ConcurrencyLimitTest : public testing::Test {
  protected:
    ConcurrencyLimit limit{256};
    SteadyTime now{seconds(100)};
};

TEST_F(ConcurrencyLimitTest, SmallObjectsAndLatencyTakeAllThereIs) {
    const World world{10e9, 60e6, milliseconds(30), 4096};
    world.run(limit, seconds(10), now);
    EXPECT_GE(limit.limit(), 192U);
}

TEST_F(ConcurrencyLimitTest, ANetworkThatIsFullTakesNoMore) {
    const World world{1e9, 90e6, milliseconds(30), 8 << 20};  // 12 connections fill it
    const double throughput = world.run(limit, seconds(60), now);
    EXPECT_LE(limit.limit(), 48U);
    EXPECT_GE(throughput, 0.88e9);
}

TEST_F(ConcurrencyLimitTest, GrowsWhenTheWorldChanges) {
    World{1e9, 90e6, milliseconds(30), 8 << 20}.run(limit, seconds(30), now);
    const World faster{10e9, 90e6, milliseconds(30), 8 << 20};  // wants some 140
    const double throughput = faster.run(limit, seconds(60), now);
    EXPECT_GE(throughput, 8e9);
}

TEST_F(ConcurrencyLimitTest, StaysWhereItIsWhenNobodyWaits) {
    for (int i = 0; i < 100'000; ++i) {
        now += milliseconds(1);
        limit.on_ended(now, 1 << 20, false);
    }
    EXPECT_EQ(limit.limit(), ConcurrencyLimit::kStart);
}

TEST(ConcurrencyLimitBounds, AreKept) {
    SteadyTime now{seconds(100)};
    ConcurrencyLimit few(4);
    World{10e9, 60e6, milliseconds(30), 4096}.run(few, seconds(10), now);
    EXPECT_EQ(few.limit(), 4U);
    ConcurrencyLimit none(0);
    EXPECT_EQ(none.limit(), 1U);
}

}  // namespace
}  // namespace s3client
