#include "base/histogram.h"

#include <gtest/gtest.h>

#include <thread>

namespace base {
namespace {

using std::chrono::milliseconds;
using Counts = std::vector<std::uint64_t>;

constexpr std::array<Duration, 3> kBounds = {milliseconds(5), milliseconds(10), milliseconds(100)};

TEST(Histogram, ABoundBelongsToTheBucketBelowIt) {
    Histogram<kBounds> histogram;
    histogram.observe(milliseconds(0));
    histogram.observe(milliseconds(5));
    histogram.observe(milliseconds(5) + Duration(1));
    histogram.observe(milliseconds(100));
    histogram.observe(milliseconds(100) + Duration(1));
    histogram.observe(std::chrono::hours(1));
    const auto s = histogram.snapshot();
    EXPECT_EQ(s.counts, (Counts{2, 1, 1, 2}));
    EXPECT_EQ(s.count(), 6U);
    EXPECT_EQ(s.sum, milliseconds(210) + Duration(2) + std::chrono::hours(1));
    EXPECT_EQ(s.bounds.size() + 1, s.counts.size());
}

// A counter that falls would look like a restart to Prometheus.
TEST(Histogram, ANegativeDurationCountsAsNone) {
    Histogram<kBounds> histogram;
    histogram.observe(-milliseconds(7));
    const auto s = histogram.snapshot();
    EXPECT_EQ(s.counts, (Counts{1, 0, 0, 0}));
    EXPECT_EQ(s.sum, Duration::zero());
}

TEST(Histogram, SnapshotsAddUp) {
    Histogram<kBounds> one, other;
    one.observe(milliseconds(7));
    other.observe(milliseconds(7));
    other.observe(milliseconds(200));
    HistogramSnapshot sum;
    EXPECT_EQ(sum.count(), 0U);
    sum += one.snapshot();
    sum += other.snapshot();
    EXPECT_EQ(sum.counts, (Counts{0, 2, 0, 1}));
    EXPECT_EQ(sum.sum, milliseconds(214));
}

TEST(Histogram, NothingIsLostBetweenThreads) {
    constexpr std::uint64_t kEach = 20'000;
    Histogram<kBounds> histogram;
    const auto work = [&] {
        for (std::uint64_t i = 0; i < kEach; ++i)
            histogram.observe(milliseconds(i % 2 == 0 ? 1 : 50));
    };
    std::thread other(work);
    work();
    other.join();
    const auto s = histogram.snapshot();
    EXPECT_EQ(s.counts, (Counts{kEach, 0, kEach, 0}));
    EXPECT_EQ(s.sum, milliseconds(51) * kEach);
}

}  // namespace
}  // namespace base
