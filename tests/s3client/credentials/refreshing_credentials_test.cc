// Credentials that are refreshed: when, how often, and what is served meanwhile. The test owns UTC.
#include "s3client/credentials/refreshing_credentials.h"

#include <gtest/gtest.h>
#include <atomic>
#include <deque>
#include <mutex>

#include "on_sources.h"

namespace s3client {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class TestClock final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::system_clock().steady_now(); }
    base::UtcTime utc_now() override { return base::UtcTime(std::chrono::milliseconds(ms_)); }
    void pass(base::Duration by) {
        ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
    }

  private:
    std::atomic<std::int64_t> ms_{1'800'000'000'000};
};

// Gives key ids "1", "2", ... that last `lifetime`, unless told to fail or to repeat.
struct Source final : CredentialSource {
    struct Script {
        base::Duration lifetime = std::chrono::hours(1);
        std::atomic<int> calls{0};
        std::atomic<bool> failing{false}, repeating{false}, forever{false};
        base::UtcTime expires_at;  // of the last new ones; on the lane only
        int given = 0;
    };
    Source(Script& script, base::Clock& clock) : script_(script), clock_(clock) {}
    std::string name() const override { return "script"; }
    io::Task<base::Result<Credentials>> fetch(FetchContext context) override {
        // Others get their turn, so that a second flight would be seen.
        co_await context.reactor.sleep(std::chrono::milliseconds(1));
        ++script_.calls;
        if (script_.failing) {
            co_return base::fail(base::ErrorKind::transient, "down", "the script is down");
        }
        if (!script_.repeating || script_.given == 0) {
            ++script_.given;
            script_.expires_at =
                clock_.utc_now() +
                std::chrono::duration_cast<std::chrono::milliseconds>(script_.lifetime);
        }
        Credentials keys{std::to_string(script_.given), "hunter2", "hunter2-t", {}};
        if (!script_.forever) keys.expires_at = script_.expires_at;
        co_return keys;
    }
    Script& script_;
    base::Clock& clock_;
};

class Refreshing : public OnSources {
  protected:
    void SetUp() override {
        lane = io::Lane::start(GetParam(), [](io::Lane&) { return base::Status{}; }, [] {}).value();
        provider = std::make_unique<RefreshingCredentials>(
            *lane, worker, connections, std::make_unique<Source>(script, clock), clock);
    }
    void TearDown() override { lane.reset(); }

    base::Result<CredentialsSnapshot> renew(CredentialsSnapshot refused) {
        return reactor.run_until_done(
            provider->renew(reactor, std::move(refused), context().bounds));
    }
    std::string key() {
        const auto got = provider->get();
        return got ? (*got)->access_key_id : got.error().code;
    }
    // Until that many fetches were made and settled, as all that runs on the lane is in order.
    void await_calls(int calls) {
        reactor.run_until_done([](Refreshing& self, int n) -> io::Task<bool> {
            const auto due = self.reactor.now() + seconds(30);
            while (self.script.calls < n && self.reactor.now() < due) {
                co_await self.reactor.sleep(std::chrono::milliseconds(1));
            }
            co_return co_await io::run_on(self.reactor, *self.lane, [] {
                return []() -> io::Task<bool> { co_return true; }();
            });
        }(*this, calls));
        EXPECT_EQ(script.calls, calls);
    }

    static io::Task<void> ask(Refreshing& self, CredentialsSnapshot refused, int& renewed) {
        auto got = co_await self.provider->renew(self.reactor, refused, self.context().bounds);
        if (got && *got != refused) ++renewed;
    }
    // At once; how many got another than `refused`.
    static io::Task<int> ask_often(Refreshing& self, CredentialsSnapshot refused, int times) {
        int renewed = 0;
        io::TaskScope scope(self.reactor);
        for (int i = 0; i < times; ++i) scope.spawn(ask(self, refused, renewed));
        co_await scope.join();
        co_return renewed;
    }

    TestClock clock;
    Source::Script script;
    std::unique_ptr<RefreshingCredentials> provider;
    std::unique_ptr<io::Lane> lane;
};
ON_BACKENDS(Refreshing);

TEST(RefreshTimes, AreTheSdksAndScaleDown) {
    EXPECT_EQ(refresh_ahead(std::chrono::hours(6)).advisory, minutes(15));
    EXPECT_EQ(refresh_ahead(std::chrono::hours(1)).mandatory, minutes(10));
    EXPECT_EQ(refresh_ahead(seconds(20)).advisory, seconds(5));
    EXPECT_LT(refresh_ahead(seconds(20)).mandatory, seconds(4));
    EXPECT_EQ(refresh_ahead(-seconds(1)).advisory, base::Duration::zero());
    EXPECT_EQ(refresh_backoff(1, false), seconds(1));
    EXPECT_EQ(refresh_backoff(3, false), seconds(4));
    EXPECT_EQ(refresh_backoff(1000, false), minutes(1));
    EXPECT_EQ(refresh_backoff(1000, true), seconds(10));
}

TEST_P(Refreshing, FetchesFirstAndRefreshesAheadWithoutWaiting) {
    EXPECT_EQ(key(), kNoCredentials);
    ASSERT_TRUE(renew(nullptr));
    EXPECT_EQ(key(), "1");
    clock.pass(minutes(44));
    EXPECT_EQ(key(), "1");
    EXPECT_EQ(script.calls, 1);
    clock.pass(minutes(2));
    for (int i = 0; i < 100; ++i) EXPECT_NE(key(), kNoCredentials);
    await_calls(2);
    EXPECT_EQ(key(), "2");
    EXPECT_EQ(script.calls, 2);
}

TEST_P(Refreshing, ShortLivedOnesAreUsedForMostOfTheirLife) {
    script.lifetime = seconds(20);
    ASSERT_TRUE(renew(nullptr));
    clock.pass(seconds(14));
    EXPECT_EQ(key(), "1");
    EXPECT_EQ(script.calls, 1);
    clock.pass(seconds(2));
    EXPECT_EQ(key(), "1");
    await_calls(2);
    EXPECT_EQ(key(), "2");
}

TEST_P(Refreshing, KeepsTheOldOnesWhileItFailsAndBacksOff) {
    ASSERT_TRUE(renew(nullptr));
    script.failing = true;
    clock.pass(minutes(46));
    EXPECT_EQ(key(), "1");
    await_calls(2);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(key(), "1");
    EXPECT_EQ(script.calls, 2);
    clock.pass(seconds(1));
    EXPECT_EQ(key(), "1");
    await_calls(3);
    clock.pass(seconds(1));  // the second pause is longer
    EXPECT_EQ(key(), "1");
    EXPECT_EQ(script.calls, 3);
    script.failing = false;
    clock.pass(seconds(1));
    EXPECT_EQ(key(), "1");
    await_calls(4);
    EXPECT_EQ(key(), "2");
}

TEST_P(Refreshing, ManyWhoWereRefusedShareOneFetch) {
    const CredentialsSnapshot first = renew(nullptr).value();
    const int right = reactor.run_until_done(ask_often(*this, first, 20));
    EXPECT_EQ(right, 20);
    EXPECT_EQ(script.calls, 2);
    EXPECT_EQ(renew(first).value()->access_key_id, "2");  // there is a newer one already
    EXPECT_EQ(script.calls, 2);
}

TEST_P(Refreshing, SaysWhyThereAreNoNewerOnes) {
    script.failing = true;
    const auto down = renew(nullptr);
    ASSERT_FALSE(down);
    EXPECT_EQ(down.error().code, "down");
    EXPECT_EQ(renew(nullptr).error().code, "down");
    EXPECT_EQ(script.calls, 1);  // backed off
    clock.pass(seconds(1));
    script.failing = false;
    script.repeating = true;
    const CredentialsSnapshot first = renew(nullptr).value();
    const auto same = renew(first);
    ASSERT_FALSE(same);
    EXPECT_EQ(same.error().code, "credentials_unchanged");
    EXPECT_FALSE(same.error().to_string().contains("hunter2"));
}

TEST_P(Refreshing, TheSameOnesAgainAreAskedForNowAndThenOnly) {
    script.repeating = true;
    ASSERT_TRUE(renew(nullptr));
    clock.pass(minutes(46));
    EXPECT_EQ(key(), "1");
    await_calls(2);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(key(), "1");
    EXPECT_EQ(script.calls, 2);
    clock.pass(minutes(1));
    EXPECT_EQ(key(), "1");
    await_calls(3);
}

TEST_P(Refreshing, WhatNeverExpiresIsNotAskedForAgain) {
    script.forever = true;
    ASSERT_TRUE(renew(nullptr));
    clock.pass(std::chrono::hours(10'000));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(key(), "1");
    EXPECT_EQ(script.calls, 1);
}

}  // namespace
}  // namespace s3client
