// Which objects a scope covers.
#include "archive/request_scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace archive {
namespace {

using testing::ElementsAre;
using Prefixes = std::vector<ObjectPrefix>;

TEST(RequestScope, NarrowedIsInOrderAndHasNothingTwice) {
    EXPECT_THAT(narrowed({{"b", "x"}, {"a", "k/"}, {"a", "k/l/"}, {"b", "x"}, {"b", "xy"}}),
                ElementsAre(ObjectPrefix{"a", "k/"}, ObjectPrefix{"b", "x"}));
    EXPECT_THAT(narrowed({{"a", "k"}, {"a", ""}}), ElementsAre(ObjectPrefix{"a", ""}));
    EXPECT_TRUE(narrowed({}).empty());
}

// The one look that decides says what looking at all of them would.
TEST(RequestScope, OneLookDecidesAsAllWould) {
    base::Random random(7);
    const auto word = [&](std::uint64_t length_max) {
        std::string text;
        for (std::uint64_t left = random.below(length_max + 1); left > 0; --left)
            text += "ab/"[random.below(3)];
        return text;
    };
    int covered = 0;
    for (int round = 0; round < 2'000; ++round) {
        Prefixes all;
        for (std::uint64_t left = random.below(6); left > 0; --left)
            all.push_back({random.below(2) == 0 ? "one" : "two", word(3)});
        const RequestScope scope{narrowed(all), std::nullopt};
        for (int i = 0; i < 20; ++i) {
            const std::string bucket = random.below(2) == 0 ? "one" : "two", key = word(5);
            const bool wanted = std::ranges::any_of(all, [&](const ObjectPrefix& p) {
                return p.bucket == bucket && key.starts_with(p.prefix);
            });
            ASSERT_EQ(scope.may_read(bucket, key), wanted) << bucket << " " << key;
            ASSERT_TRUE(scope.may_write(bucket, key));
            covered += wanted ? 1 : 0;
        }
    }
    EXPECT_GT(covered, 5'000);
}

TEST(RequestScope, DotSegmentsAreCoveredByNothing) {
    const RequestScope scope{Prefixes{{"b", ""}}, std::nullopt};
    for (const char* key : {"..", ".", "a/../b", "a/.", "./a", "a//../b"})
        EXPECT_FALSE(scope.may_read("b", key)) << key;
    for (const char* key : {"", "a", "...", "a/..b", "a./b", "/", "a//b"})
        EXPECT_TRUE(scope.may_read("b", key)) << key;
}

}  // namespace
}  // namespace archive
