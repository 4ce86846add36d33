#include "s3client/traffic/rate_governor.h"

#include <gtest/gtest.h>
#include <queue>

namespace s3client {
namespace {

using base::Duration;
using base::SteadyTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A store that takes `rate` requests a second (and as many at once after a rest), answers after
// `latency`, and is asked by someone who always has another request, `under_way_max` at a time.
class Store {
  public:
    explicit Store(double rate) : rate_(rate), tokens_(rate) {}

    void run(Duration duration) {
        const SteadyTime end = now + duration;
        while (now < end) {
            while (!answers_.empty() && answers_.front().first <= now) {
                if (answers_.front().second) {
                    governor.on_answered(now);
                    ++answered;
                } else {
                    governor.on_throttled(now);
                    ++refused;
                }
                answers_.pop();
            }
            while (answers_.size() < kUnderWayMax && !governor.take(now)) ask();
            now += milliseconds(1);
        }
    }
    void set_rate(double rate) { rate_ = rate; }

    RateGovernor governor;
    SteadyTime now = SteadyTime(seconds(1000));
    int answered = 0, refused = 0;

  private:
    static constexpr std::size_t kUnderWayMax = 128;
    void ask() {
        tokens_ =
            std::min(rate_, tokens_ + rate_ * std::chrono::duration<double>(now - at_).count());
        at_ = now;
        const bool takes = tokens_ >= 1;
        if (takes) tokens_ -= 1;
        answers_.emplace(now + milliseconds(30), takes);
    }
    double rate_, tokens_;
    SteadyTime at_ = now;
    std::queue<std::pair<SteadyTime, bool>> answers_;
};

TEST(RateGovernor, DoesNothingBeforeTheFirstRefusal) {
    RateGovernor g;
    const SteadyTime now(seconds(5));
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_FALSE(g.take(now));
        g.on_answered(now);
    }
    EXPECT_FALSE(g.limited());
}

TEST(RateGovernor, FindsTheRateWithFewRefusals) {
    Store store(500);
    store.run(seconds(40));
    EXPECT_GE(store.answered, 500 * 40 * 0.95);
    EXPECT_LE(store.refused, 500 * 40 * 0.03);
}

TEST(RateGovernor, FindsAHigherRateAgain) {
    Store store(500);
    store.run(seconds(20));
    store.set_rate(2'000);
    store.run(seconds(20));
    store.answered = 0;
    store.run(seconds(20));
    EXPECT_GE(store.answered, 2'000 * 20 * 0.85);
}

TEST(RateGovernor, FollowsALowerRate) {
    Store store(2'000);
    store.run(seconds(10));
    store.set_rate(100);
    store.run(seconds(5));
    store.answered = store.refused = 0;
    store.run(seconds(20));
    EXPECT_GE(store.answered, 100 * 20 * 0.9);
    EXPECT_LE(store.refused, 100 * 20 * 0.05);
}

TEST(RateGovernor, AStoreThatRefusesEverythingIsAskedSeldomAndFoundAgain) {
    Store store(1'000);
    store.run(seconds(10));
    store.set_rate(0);
    store.run(seconds(5));
    store.refused = 0;
    store.run(seconds(20));
    EXPECT_LE(store.refused, 20 * 10);
    EXPECT_GE(store.refused, 20);  // or nobody would notice that it is back
    store.set_rate(1'000);
    store.run(seconds(15));
    store.answered = 0;
    store.run(seconds(10));
    EXPECT_GE(store.answered, 1'000 * 10 * 0.8);
}

TEST(RateGovernor, OneRefusalAmongFewSaysLittle) {
    RateGovernor g;
    SteadyTime now(seconds(5));
    EXPECT_FALSE(g.take(now));
    g.on_throttled(now + milliseconds(30));
    ASSERT_TRUE(g.limited());
    EXPECT_LE(g.rate(now + seconds(1)), RateGovernor::kFirstFallMin);
    EXPECT_GE(g.rate(now + seconds(4)), RateGovernor::kFirstFallMin * 0.9);
}

TEST(RateGovernor, RefusalsOfOneMomentCountOnce) {
    RateGovernor g;
    SteadyTime now(seconds(5));
    for (int i = 0; i < 1000; ++i) {
        EXPECT_FALSE(g.take(now));
        g.on_answered(now);
    }
    g.on_throttled(now);
    const double rate = g.rate(now);
    EXPECT_NEAR(rate, 850, 1);
    for (int i = 0; i < 100; ++i) g.on_throttled(now + milliseconds(i));
    EXPECT_GE(g.rate(now + milliseconds(100)), rate);
}

TEST(RateGovernor, IsForgottenInTheEnd) {
    RateGovernor g;
    const SteadyTime now(seconds(5));
    EXPECT_FALSE(g.take(now));
    g.on_throttled(now);
    EXPECT_FALSE(g.take(now + std::chrono::minutes(5)));
    EXPECT_FALSE(g.limited());
}

}  // namespace
}  // namespace s3client
