#include "base/random.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace base {
namespace {

TEST(Random, IsTheSameForTheSameSeed) {
    Random a(42);
    Random b(42);
    Random c(43);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t value = a.next();
        EXPECT_EQ(value, b.next());
        differs |= value != c.next();
    }
    EXPECT_TRUE(differs);
}

TEST(Random, IsSeededDifferentlyBySystem) {
    EXPECT_NE(Random::from_system().next(), Random::from_system().next());
}

TEST(Random, BelowReachesEveryValueAndNoOther) {
    Random random(1);
    std::vector<int> seen(10);
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t value = random.below(10);
        ASSERT_LT(value, 10U);
        ++seen[value];
    }
    for (const int count : seen) EXPECT_GT(count, 800);
    EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, UnitIsAtLeastZeroAndBelowOne) {
    Random random(1);
    double sum = 0;
    for (int i = 0; i < 10'000; ++i) {
        const double value = random.unit();
        ASSERT_GE(value, 0.0);
        ASSERT_LT(value, 1.0);
        sum += value;
    }
    EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(JobId, HasTheUlidLayout) {
    Random random(1);
    // The ULID specification's own example of a time: 1469918176385 ms is 01ARYZ6S41.
    const std::string id = make_id(UtcTime(std::chrono::milliseconds(1'469'918'176'385)), random);
    EXPECT_EQ(id.size(), 26U);
    EXPECT_TRUE(id.starts_with("01ARYZ6S41")) << id;
    EXPECT_EQ(id.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos);
}

TEST(JobId, SortsByTimeAndDoesNotRepeat) {
    Random random(1);
    std::set<std::string> ids;
    std::string last;
    for (int ms = 0; ms < 1000; ++ms) {
        const std::string id = make_id(UtcTime(std::chrono::milliseconds(ms)), random);
        EXPECT_GT(id, last);
        last = id;
        ids.insert(make_id(UtcTime(std::chrono::milliseconds(5)), random));
    }
    EXPECT_EQ(ids.size(), 1000U);
}

}  // namespace
}  // namespace base
