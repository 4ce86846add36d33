#include "s3client/traffic/stragglers.h"

#include <gtest/gtest.h>

#include "s3client/traffic/latency.h"

namespace s3client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LatencyHistogram, QuantilesAreRightToATenth) {
    LatencyHistogram h;
    for (int i = 1; i <= 1000; ++i) h.add(milliseconds(i));
    EXPECT_EQ(h.count(), 1000U);
    EXPECT_NEAR(std::chrono::duration<double>(h.quantile(0.5)).count(), 0.5, 0.05);
    EXPECT_NEAR(std::chrono::duration<double>(h.quantile(0.99)).count(), 0.99, 0.1);
    EXPECT_GE(h.quantile(1), milliseconds(1000));
}

TEST(LatencyHistogram, ExtremesFitIn) {
    LatencyHistogram h;
    h.add(base::Duration::zero());
    EXPECT_LE(h.quantile(1), milliseconds(1));
    h.add(std::chrono::hours(1));
    EXPECT_GE(h.quantile(1), seconds(120));
}

TEST(LatencyHistogram, Forgets) {
    LatencyHistogram h;
    for (int i = 0; i < 5000; ++i) h.add(seconds(3));
    for (int i = 0; i < 20'000; ++i) h.add(milliseconds(30));
    EXPECT_LT(h.quantile(0.99), milliseconds(40));
    EXPECT_LT(h.count(), 2'000U);
}

TEST(Stragglers, NothingIsLateBeforeSomethingIsKnown) {
    Stragglers s;
    for (std::uint64_t i = 1; i < Stragglers::kSamplesMin; ++i) s.answered_after(milliseconds(1));
    EXPECT_EQ(s.late_after(), Stragglers::kWaitUnknown);
    EXPECT_FALSE(s.slow_after(8 << 20));
    s.answered_after(milliseconds(1));
    EXPECT_EQ(s.late_after(), Stragglers::kWaitMin);
}

TEST(Stragglers, AnAnswerIsLateAfterTheP99) {
    Stragglers s;
    for (int i = 1; i <= 1000; ++i) s.answered_after(milliseconds(300 + i / 10));
    EXPECT_GE(s.late_after(), milliseconds(390));
    EXPECT_LE(s.late_after(), milliseconds(440));
}

TEST(Stragglers, AFatTailDoesNotHideItself) {
    Stragglers s;
    for (int i = 0; i < 1000; ++i) s.answered_after(i % 20 == 0 ? seconds(3) : milliseconds(100));
    EXPECT_LE(s.late_after(), milliseconds(335));  // 5 % take 3 s: p99 is 3 s
}

TEST(Stragglers, ABodyIsSlowByItsSize) {
    Stragglers s;
    for (int i = 0; i < 100; ++i) s.moved(8 << 20, milliseconds(800));  // 100 ms a MiB
    EXPECT_EQ(s.slow_after(1 << 20), Stragglers::kTransferMin);
    const auto slow = s.slow_after(64 << 20);
    ASSERT_TRUE(slow);
    EXPECT_GE(*slow, milliseconds(25'600));
    EXPECT_LE(*slow, milliseconds(28'500));
}

TEST(Stragglers, ShortBodiesSayNothingOfThePace) {
    Stragglers s;
    for (int i = 0; i < 100; ++i) s.moved(1'000, seconds(1));
    EXPECT_FALSE(s.slow_after(1 << 20));
}

TEST(HedgeBudget, IsAShareOfAllRequests) {
    HedgeBudget budget;
    int sent = 0;
    const auto spend = [&] {
        for (; budget.has_one(); ++sent) budget.take();
    };
    spend();
    EXPECT_EQ(sent, 2);
    for (int i = 0; i < 10'000; ++i) {
        budget.on_request();
        spend();
    }
    EXPECT_NEAR(sent, 152, 2);
    for (int i = 0; i < 100'000; ++i) budget.on_request();
    sent = 0;
    spend();
    EXPECT_LE(sent, 20);  // a long calm does not pay for a storm
}

}  // namespace
}  // namespace s3client
