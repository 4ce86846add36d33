#include "io/lane.h"

#include <gtest/gtest.h>
#include <atomic>
#include <ctime>
#include <thread>

#include "on_backends.h"

namespace io {
namespace {

class LaneTest : public OnBackends {
  protected:
    std::unique_ptr<Lane> start() {
        return must(Lane::start(GetParam(), [](Lane&) { return base::Status{}; }, [] {}));
    }
};
ON_BACKENDS(LaneTest);

Task<std::thread::id> whose_thread(Reactor& reactor) {
    co_await reactor.sleep(base::Duration(1));
    co_return std::this_thread::get_id();
}

TEST_P(LaneTest, RunsThereAndResumesHere) {
    const auto lane = start();
    run([](Reactor& here, Lane& there) -> Task<void> {
        const auto here_id = std::this_thread::get_id();
        const auto there_id =
            co_await run_on(here, there, [&there] { return whose_thread(there.reactor()); });
        EXPECT_NE(there_id, here_id);
        EXPECT_EQ(std::this_thread::get_id(), here_id);
    }(reactor, *lane));
}

Task<void> sum_on(Reactor& here, Lane& there, int n, long& total) {
    total +=
        co_await run_on(here, there, [n] { return [](int m) -> Task<int> { co_return m* m; }(n); });
}

// Several reactors ask several lanes at once; each answer comes back to the one who asked.
TEST_P(LaneTest, AnswersManyFromSeveralReactors) {
    constexpr int kTasks = 300;
    const auto a = start(), b = start();
    const auto ask = [&](Reactor& here) {
        long total = 0;
        here.run_until_done([](Reactor& r, Lane& x, Lane& y, long& sum) -> Task<int> {
            TaskScope scope(r);
            for (int n = 0; n < kTasks; ++n) scope.spawn(sum_on(r, n % 2 == 0 ? x : y, n, sum));
            co_await scope.join();
            co_return 0;
        }(here, *a, *b, total));
        EXPECT_EQ(total, 299L * 300 * 599 / 6);
    };
    std::thread other([&] {
        Reactor second(must(make_backend(GetParam())));
        ask(second);
    });
    ask(reactor);
    other.join();
}

TEST_P(LaneTest, SetsUpFirstAndTearsDownLastAndWaitsForItsTasks) {
    std::vector<std::string> events;  // written on the lane's thread only, read after its end
    {
        const auto lane = must(Lane::start(
            GetParam(),
            [&](Lane&) {
                events.emplace_back("setup");
                return base::Status{};
            },
            [&] { events.emplace_back("teardown"); }));
        lane->spawn([&events, &r = lane->reactor()] {
            return [](Reactor& there, std::vector<std::string>& out) -> Task<void> {
                co_await there.sleep(std::chrono::milliseconds(20));
                out.emplace_back("task");
            }(r, events);
        });
    }
    EXPECT_EQ(events, (std::vector<std::string>{"setup", "task", "teardown"}));
}

TEST_P(LaneTest, ASetupThatFailsIsReported) {
    for (int i = 0; i < 20; ++i) {
        const auto lane = Lane::start(
            GetParam(),
            [](Lane&) -> base::Status {
                return base::fail(base::ErrorKind::exhausted, "memory", "none");
            },
            [] {});
        ASSERT_FALSE(lane.has_value());
        EXPECT_EQ(lane.error().code, "memory");
    }
}

// One that works is busy, one that waits is not.
TEST_P(LaneTest, KnowsHowBusyItIs) {
    const auto idle = start(), busy = start();
    run([](Reactor& here, Lane& there) -> Task<void> {
        co_await run_on(here, there, [] {
            return []() -> Task<bool> {
                const std::clock_t until = std::clock() + CLOCKS_PER_SEC / 10;  // CPU time
                while (std::clock() < until) {
                }
                co_return true;
            }();
        });
    }(reactor, *busy));
    const Lane::Usage worked = busy->usage(), waited = idle->usage();
    // This thread may have had some of the process's time, and the other lane a little.
    EXPECT_GT(worked.busy, std::chrono::milliseconds(50));
    EXPECT_LE(worked.busy, worked.whole);
    EXPECT_LT(waited.busy, worked.busy / 2);
    EXPECT_GE(waited.whole, worked.whole);
}

TEST_P(LaneTest, MayEndAsSoonAsItHasBegun) {
    for (int i = 0; i < 100; ++i) start();
}

}  // namespace
}  // namespace io
