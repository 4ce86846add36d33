// Where archives are cut: every rule of parts.h over random layouts, and the sizes the planner
// chooses.
#include "archive/parts.h"

#include <algorithm>
#include <chrono>
#include <iostream>

#include "entries.h"

namespace archive {
namespace {

using test::Entries;
using test::EqualEntries;
using test::kGiB;
using test::kMiB;
using test::layout_of;

// Mixes of sizes that meet every branch: tiny, around S3's least part, around and above `around`.
std::uint64_t random_size(base::Random& random, std::uint64_t around) {
    switch (random.below(8)) {
        case 0: return 0;
        case 1: return random.below(2000);
        case 2:
        case 3: return random.below(kMiB);
        case 4: return kPartSizeMin - 200 + random.below(400);
        case 5: return around - kPartSizeMin - 200 + random.below(400);
        case 6: return random.below(around * 2);
        default: return random.below(around * 9);
    }
}

Entries random_entries(base::Random& random, std::uint64_t around) {
    constexpr std::uint64_t kCounts[] = {0, 1, 2, 5, 40, 400, 3000};
    const std::uint64_t count = random.below(kCounts[random.below(7)] + 1);
    const bool long_names = random.below(3) == 0;
    const bool tiny_only = random.below(4) == 0;
    Entries entries;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t length =
            1 + random.below(long_names ? (random.below(20) == 0 ? zip::kNameSizeMax : 9000) : 60);
        entries.add(std::string(length, 'n'),
                    tiny_only ? random.below(3000) : random_size(random, around));
    }
    return entries;
}

// The entry that a part's last byte belongs to, if it goes beyond the part.
bool ends_within_entry(const zip::Layout& layout, const Part& part) {
    return part.end < layout.cd_offset() &&
           layout.header_offset(layout.entry_at(part.end)) != part.end;
}

// Near the least size_max a part may be larger by one header, see parts.h.
std::uint64_t largest_allowed(std::uint64_t size_max) {
    constexpr std::uint64_t kHeaderMax = 64 << 10;
    return size_max < 2 * kPartSizeMin + kHeaderMax ? 2 * kPartSizeMin + kHeaderMax : size_max;
}

// The rules that hold for each part by itself.
void check_sizes(const zip::Layout& layout, const Parts& parts, std::uint64_t size_max) {
    ASSERT_FALSE(parts.parts.empty());
    std::uint64_t at = 0;
    for (const Part& part : parts.parts) {
        ASSERT_EQ(part.begin, at);
        ASSERT_GT(part.end, part.begin);
        ASSERT_LE(part.size(), largest_allowed(size_max));
        if (&part != &parts.parts.back()) {
            ASSERT_GE(part.size(), kPartSizeMin);
        }
        at = part.end;
        if (part.end < layout.cd_offset()) {
            const std::uint64_t entry = layout.entry_at(part.end);
            const bool cut =
                part.end > layout.header_offset(entry) && part.end < layout.data_offset(entry);
            ASSERT_FALSE(cut) << "the local header of entry " << entry << " is cut";
        }
    }
    ASSERT_EQ(at, layout.archive_size());
}

void check_groups(const zip::Layout& layout, const Parts& parts) {
    for (std::size_t i = 0; i < parts.tail; ++i) {
        const Part& part = parts.parts[i];
        ASSERT_LE(part.end, layout.cd_offset());
        if (!ends_within_entry(layout, part)) {
            ASSERT_FALSE(part.waits()) << "part " << i << " is complete in itself";
            continue;
        }
        // A group: this part holds the header, and the last one ends where the entry ends.
        const std::uint64_t entry = layout.entry_at(part.end);
        ASSERT_GE(layout.header_offset(entry), part.begin) << "a group begins at its header";
        ASSERT_EQ(part.awaited_begin, i + 1);
        ASSERT_GT(part.awaited_end, part.awaited_begin);
        ASSERT_LE(part.awaited_end, parts.tail);
        ASSERT_EQ(parts.parts[part.awaited_end - 1].end, layout.end(entry));
        for (std::size_t j = part.awaited_begin; j < part.awaited_end; ++j) {
            ASSERT_FALSE(parts.parts[j].waits()) << "one group within another";
            ASSERT_GE(parts.parts[j].begin, layout.data_offset(entry));
            ASSERT_LE(parts.parts[j].end, layout.end(entry));
        }
        i = part.awaited_end - 1;
    }
}

void check_tail(const zip::Layout& layout, const Parts& parts) {
    ASSERT_LT(parts.tail, parts.parts.size());
    const Part& first = parts.parts[parts.tail];
    EXPECT_LE(first.begin, layout.cd_offset());
    EXPECT_LT(layout.cd_offset() - first.begin, kPartSizeMin);
    EXPECT_GT(first.end, layout.cd_offset());
    for (std::size_t i = parts.tail; i < parts.parts.size(); ++i) {
        EXPECT_FALSE(parts.parts[i].waits());
    }
}

TEST(SplitIntoParts, KeepsItsRulesForRandomLayouts) {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        base::Random random(seed);
        const std::uint64_t size_max =
            2 * kPartSizeMin + random.below(70 * kMiB) * (random.below(3) == 0 ? 0 : 1);
        const Entries entries = random_entries(random, size_max);
        const zip::Layout layout = layout_of(entries);
        const Parts parts = split_into_parts(layout, size_max);
        check_sizes(layout, parts, size_max);
        check_groups(layout, parts);
        check_tail(layout, parts);
        if (HasFailure()) return;
    }
}

// One entry, a byte more each time, over every border there is between one part and three.
TEST(SplitIntoParts, KeepsItsRulesAroundEveryBorder) {
    const std::uint64_t size_max = 2 * kPartSizeMin;
    std::vector<std::uint64_t> borders;
    for (std::uint64_t n = 1; n <= 5; ++n) borders.push_back(n * kPartSizeMin);
    for (const std::uint64_t before : {std::uint64_t{0}, std::uint64_t{3000}, kPartSizeMin - 60}) {
        for (const std::uint64_t border : borders) {
            for (std::uint64_t size = border - 130; size <= border + 10; ++size) {
                Entries entries;
                if (before != 0) entries.add("before", before);
                entries.add("x", size);
                entries.add("after", 17);
                const zip::Layout layout = layout_of(entries);
                const Parts parts = split_into_parts(layout, size_max);
                check_sizes(layout, parts, size_max);
                check_groups(layout, parts);
                check_tail(layout, parts);
                ASSERT_FALSE(HasFailure()) << before << " bytes, then " << size;
            }
        }
    }
}

TEST(SplitIntoParts, CutsADirectoryThatIsLargerThanAPart) {
    Entries entries;
    for (int i = 0; i < 3000; ++i) entries.add(std::string(8000, 'n'), 0);
    const zip::Layout layout = layout_of(entries);
    const Parts parts = split_into_parts(layout, 2 * kPartSizeMin);
    check_sizes(layout, parts, 2 * kPartSizeMin);
    EXPECT_GE(parts.parts.size() - parts.tail, 3U);
}

TEST(SplitIntoParts, AnEmptyArchiveIsOnePart) {
    const zip::Layout layout = layout_of(Entries());
    const Parts parts = split_into_parts(layout, 2 * kPartSizeMin);
    ASSERT_EQ(parts.parts.size(), 1U);
    EXPECT_EQ(parts.parts[0].size(), zip::kEndSize);
    EXPECT_EQ(parts.tail, 0U);
}

TEST(PlanParts, TakesThePreferredSizeWhileItWillDo) {
    const EqualEntries entries(100, kMiB);
    const zip::Layout layout = layout_of(entries);
    const auto parts = plan_parts(layout, {.preferred = 20 * kMiB, .memory_max = 64 * kMiB});
    ASSERT_TRUE(parts) << parts.error().to_string();
    check_sizes(layout, *parts, 20 * kMiB);
    EXPECT_GE(parts->parts.size(), 5U);
    EXPECT_LE(parts->parts.size(), 8U);
}

TEST(PlanParts, RaisesTheSizeForMoreThanTenThousandParts) {
    const EqualEntries entries(40'000, 5 * kMiB);  // 195 GiB: 10 MiB parts would be 20,000
    const zip::Layout layout = layout_of(entries);
    const auto parts = plan_parts(layout, {.preferred = 10 * kMiB, .memory_max = kGiB});
    ASSERT_TRUE(parts) << parts.error().to_string();
    EXPECT_LE(parts->parts.size(), kPartsMax);
    EXPECT_GT(parts->parts.size(), kPartsMax / 2);
    check_sizes(layout, *parts, kGiB);
}

TEST(PlanParts, NamesMemoryWhenThePartsItNeedsDoNotFit) {
    const EqualEntries entries(40'000, 5 * kMiB);
    const auto parts =
        plan_parts(layout_of(entries), {.preferred = 10 * kMiB, .memory_max = 16 * kMiB});
    ASSERT_FALSE(parts);
    EXPECT_EQ(parts.error().kind, base::ErrorKind::exhausted);
    EXPECT_EQ(parts.error().code, "memory");
    EXPECT_NE(parts.error().detail.find("--memory"), std::string::npos);
}

TEST(PlanParts, NamesMemoryWhenTheRequestedPartsDoNotFit) {
    const PartSizing sizing{.requested = kGiB, .preferred = 10 * kMiB, .memory_max = 64 * kMiB};
    const auto parts = plan_parts(layout_of(EqualEntries(20, 5 * kMiB)), sizing);
    ASSERT_FALSE(parts);
    EXPECT_EQ(parts.error().code, "memory");
    EXPECT_NE(parts.error().detail.find("parts of 101 MiB"), std::string::npos);
    // It is a maximum: what the archive does not fill needs no memory.
    EXPECT_TRUE(plan_parts(layout_of(EqualEntries(4, 5 * kMiB)), sizing));
}

TEST(PlanParts, RefusesARequestedSizeThatIsTooSmallForTheArchive) {
    const EqualEntries entries(40'000, 5 * kMiB);
    const auto parts = plan_parts(
        layout_of(entries), {.requested = 8 * kMiB, .preferred = 64 * kMiB, .memory_max = kGiB});
    ASSERT_FALSE(parts);
    EXPECT_EQ(parts.error().kind, base::ErrorKind::invalid);
    EXPECT_EQ(parts.error().code, "part_size");
}

TEST(PlanParts, SaysWhenAnArchiveIsTooLargeForS3) {
    // 2.6 GiB each: no two of them share a part of 5 GiB with room for a third, so more than
    // 10,000 parts would be needed though the bytes alone would fit.
    const EqualEntries entries(18'500, 2700 * kMiB);
    const auto parts =
        plan_parts(layout_of(entries), {.preferred = 64 * kMiB, .memory_max = 100 * kGiB});
    ASSERT_FALSE(parts) << parts->parts.size();
    EXPECT_EQ(parts.error().kind, base::ErrorKind::exhausted);
    EXPECT_EQ(parts.error().code, "archive_too_large");
}

TEST(PlanParts, PlansTenTerabytesOfLargeEntries) {
    const EqualEntries entries(250, 40'000'000'000);
    const zip::Layout layout = layout_of(entries);
    const auto parts = plan_parts(layout, {.preferred = 64 * kMiB, .memory_max = 2 * kGiB});
    ASSERT_TRUE(parts) << parts.error().to_string();
    EXPECT_LE(parts->parts.size(), kPartsMax);
    check_sizes(layout, *parts, 2 * kGiB);
    check_groups(layout, *parts);
    check_tail(layout, *parts);
}

TEST(PlanParts, PlansAMillionSmallEntriesInSeconds) {
    const EqualEntries entries(1'000'000, 1024);
    const auto begin = std::chrono::steady_clock::now();
    const zip::Layout layout = layout_of(entries);
    const auto parts = plan_parts(layout, {.preferred = 16 * kMiB, .memory_max = 64 * kMiB});
    const auto took = std::chrono::steady_clock::now() - begin;
    ASSERT_TRUE(parts) << parts.error().to_string();
    check_sizes(layout, *parts, 16 * kMiB);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    std::cout << "[          ] planned 1,000,000 entries in " << ms << " ms\n";
    EXPECT_LT(ms, 20'000);
}

}  // namespace
}  // namespace archive
