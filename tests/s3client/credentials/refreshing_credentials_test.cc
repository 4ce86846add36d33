// Credentials that are refreshed: when, how often, and what is served meanwhile. The test owns UTC.
#include "s3client/credentials/refreshing_credentials.h"

#include <gtest/gtest.h>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

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
        std::atomic<int> begun{0}, calls{0};  // fetches that began, that ended
        std::atomic<bool> held{false};
        std::atomic<bool> failing{false}, repeating{false}, forever{false};
        std::atomic<bool> releases_other_ones{false};  // repeating is over after the next
        base::UtcTime expires_at;                      // of the last new ones; on the lane only
        int given = 0;
    };
    Source(Script& script, base::Clock& clock) : script_(script), clock_(clock) {}
    std::string name() const override { return "script"; }
    io::Task<base::Result<Credentials>> fetch(FetchContext context) override {
        // Others get their turn, so that a second flight would be seen.
        ++script_.begun;
        co_await context.reactor.sleep(std::chrono::milliseconds(1));
        while (script_.held && !context.bounds.cancel->cancelled())
            co_await context.reactor.sleep(std::chrono::milliseconds(1), context.bounds.cancel);
        ++script_.calls;
        if (context.bounds.cancel->cancelled())
            co_return base::fail(base::ErrorKind::cancelled, "cancelled", "cancelled");
        if (script_.failing) {
            co_return base::fail(base::ErrorKind::transient, "down", "the script is down");
        }
        const bool repeat = script_.repeating;
        if (script_.releases_other_ones) script_.repeating = false;
        if (!repeat || script_.given == 0) {
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
        provider = std::make_shared<RefreshingCredentials>(
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

    void await_begun(int fetches) const {
        const auto due = std::chrono::steady_clock::now() + seconds(30);
        while (script.begun < fetches && std::chrono::steady_clock::now() < due)
            std::this_thread::yield();
        ASSERT_EQ(script.begun, fetches);
    }
    io::Task<bool> release() {
        script.releases_other_ones = true;
        script.held = false;
        co_return true;
    }
    // On the lane, behind all that was asked of it before.
    static io::Task<bool> release_and_join(Refreshing& self, io::TaskScope& scope) {
        co_await io::run_on(self.reactor, *self.lane, [&self] { return self.release(); });
        co_await scope.join();
        co_return true;
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
    std::shared_ptr<RefreshingCredentials> provider;
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

TEST_P(Refreshing, ThePrimedFetchIsTheOneThatIsWaitedFor) {
    provider->prime();
    ASSERT_TRUE(renew(nullptr));
    EXPECT_EQ(key(), "1");
    EXPECT_EQ(script.calls, 1);
}

TEST_P(Refreshing, WaitsEndWithTheirBounds) {
    script.held = true;
    const auto late = reactor.run_until_done(provider->renew(
        reactor, nullptr, {.deadline = reactor.now() + std::chrono::milliseconds(20)}));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, "credentials_timeout");
    io::CancelSource cancel;
    reactor.post([&cancel] { cancel.cancel(); });
    const auto cancelled = reactor.run_until_done(provider->renew(
        reactor, nullptr, {.deadline = reactor.now() + seconds(30), .cancel = &cancel}));
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().kind, base::ErrorKind::cancelled);
    const auto at_once =
        reactor.run_until_done(provider->renew(reactor, nullptr, {.cancel = &cancel}));
    EXPECT_EQ(at_once.error().kind, base::ErrorKind::cancelled);
    EXPECT_EQ(script.begun, 1);  // which goes on
    script.held = false;
    ASSERT_TRUE(renew(nullptr));
    EXPECT_EQ(script.begun, 1);
}

TEST_P(Refreshing, StoppingEndsAFetchUnderWayAndAllLaterOnes) {
    script.held = true;
    provider->prime();
    await_begun(1);
    provider->stop();
    EXPECT_EQ(renew(nullptr).error().kind, base::ErrorKind::cancelled);
    EXPECT_EQ(key(), kNoCredentials);
    clock.pass(minutes(1));
    EXPECT_EQ(renew(nullptr).error().kind, base::ErrorKind::cancelled);
}

TEST_P(Refreshing, ARefreshThatBroughtWhatIsRefusedMeanwhileIsFollowedByAnother) {
    const CredentialsSnapshot first = renew(nullptr).value();
    script.repeating = true;
    script.held = true;
    clock.pass(minutes(46));
    EXPECT_EQ(key(), "1");
    await_begun(2);
    // Refused now, while a fetch is under way that still brings the same.
    int renewed = 0;
    io::TaskScope scope(reactor);
    scope.spawn(ask(*this, first, renewed));
    reactor.run_until_done(release_and_join(*this, scope));
    EXPECT_EQ(renewed, 1);
    EXPECT_EQ(script.calls, 3);
}

TEST_P(Refreshing, AnUnusedOneIsLetGoOfWhenItsRefreshHasEnded) {
    script.held = true;
    provider->prime();
    await_begun(1);
    const std::weak_ptr<RefreshingCredentials> watched = provider;
    lane->spawn([unused = std::move(provider)]() mutable {
        return RefreshingCredentials::retire(std::move(unused));
    });
    EXPECT_FALSE(watched.expired());
    script.held = false;
    const auto due = reactor.now() + seconds(30);
    while (!watched.expired() && reactor.now() < due) std::this_thread::yield();
    EXPECT_TRUE(watched.expired());
    EXPECT_EQ(script.calls, 1);
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
