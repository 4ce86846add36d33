#include "zip/findings.h"

#include <gtest/gtest.h>

namespace zip {
namespace {

TEST(FindingsTest, KeepsTheFirstAndCountsTheRest) {
    Findings findings;
    for (std::size_t i = 0; i < kFindingsMax + 5; ++i) findings.add(i, "e", "w");
    EXPECT_EQ(findings.list().size(), kFindingsMax);
    EXPECT_EQ(findings.list().back().offset, kFindingsMax - 1);
    EXPECT_EQ(findings.total(), kFindingsMax + 5);
}

TEST(FindingsTest, MergedInAnyOrderTheListIsTheSame) {
    std::vector<Findings> ranges(5);
    for (std::size_t range = 0; range < ranges.size(); ++range) {
        for (std::size_t i = 0; i < 400; ++i) ranges[range].add(range * 1000 + i / 2, "e", "w");
    }
    Findings forwards, backwards;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        forwards.merge(ranges[i]);
        backwards.merge(ranges[ranges.size() - 1 - i]);
    }
    EXPECT_EQ(forwards.list().size(), kFindingsMax);
    EXPECT_EQ(forwards.list(), backwards.list());
    EXPECT_EQ(forwards.list().back().offset, 2099U);
    EXPECT_EQ(forwards.total(), 2000U);
    EXPECT_EQ(backwards.total(), 2000U);
}

TEST(FindingsTest, LongTextsAreCutBetweenCharacters) {
    Findings findings;
    std::string name(kFindingTextMax - 1, 'a');
    findings.add(0, name + "\xE2\x82\xAC", std::string(100'000, 'w'));
    findings.add(0, name + "b", {});
    findings.add(0, std::string(70'000, '\x80'), {});  // not UTF-8 at all
    EXPECT_EQ(findings.list()[0].entry, name + "...");
    EXPECT_EQ(findings.list()[0].what, std::string(kFindingTextMax, 'w') + "...");
    EXPECT_EQ(findings.list()[1].entry, name + "b");
    EXPECT_LE(findings.list()[2].entry.size(), kFindingTextMax + 3);
}

}  // namespace
}  // namespace zip
