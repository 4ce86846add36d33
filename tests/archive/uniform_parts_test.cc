// Parts of one size: where they are cut, what each waits for, and the sizes the planner chooses.
#include <algorithm>

#include "archive/parts.h"
#include "board_fixture.h"
#include "entries.h"

namespace archive {
namespace {

using test::Entries;
using test::EqualEntries;
using test::kGiB;
using test::kMiB;
using test::layout_of;

void check_cuts(const zip::Layout& layout, const Parts& parts, std::uint64_t part_size) {
    ASSERT_FALSE(parts.parts.empty());
    EXPECT_EQ(parts.layout, PartLayout::uniform);
    EXPECT_EQ(parts.cut_bytes, part_size);
    for (std::size_t p = 0; p < parts.parts.size(); ++p) {
        const Part& part = parts.parts[p];
        ASSERT_EQ(part.begin, p * part_size);
        const bool last = p + 1 == parts.parts.size();
        ASSERT_EQ(part.end, last ? layout.archive_size() : part.begin + part_size);
        ASSERT_GT(part.end, part.begin);
    }
    ASSERT_LE(parts.parts.back().size(), part_size);
    EXPECT_TRUE(are_uniform(parts.parts));
    ASSERT_LT(parts.tail, parts.parts.size());
    EXPECT_LE(parts.parts[parts.tail].begin, layout.cd_offset());
    EXPECT_GT(parts.parts[parts.tail].end, layout.cd_offset());
}

// Whether the part is nothing but data of the entry.
bool is_pure(const zip::Layout& layout, const Part& part, std::uint64_t entry) {
    return part.begin >= layout.data_offset(entry) && part.end <= layout.end(entry);
}

// What rest_of() gives for every part, against a search over all entries and parts. `spans` counts
// what was found.
void check_rests(const Plan& plan, std::uint64_t& spans) {
    const zip::Layout& layout = plan.layout();
    const auto& parts = plan.parts();
    for (std::size_t p = 0; p < parts.size(); ++p) {
        const Part& part = parts[p];
        std::vector<std::uint64_t> expected;  // entries with header bytes here and data after it
        for (std::uint64_t i = 0; i < layout.count(); ++i) {
            const bool header_here =
                layout.header_offset(i) < part.end && layout.data_offset(i) > part.begin;
            const bool data_after = layout.end(i) > std::max(part.end, layout.data_offset(i));
            if (header_here && data_after && part.end < layout.end(i)) expected.push_back(i);
        }
        const Plan::Rest rest = plan.rest_of(p);
        ASSERT_LE(expected.size(), 1U);
        ASSERT_EQ(rest.runs.empty(), expected.empty()) << "part " << p;
        if (expected.empty()) {
            ASSERT_FALSE(part.waits());
            continue;
        }
        ++spans;
        const std::uint64_t entry = expected.front();
        ASSERT_EQ(rest.entry, entry);
        std::uint64_t at = std::max(part.end, layout.data_offset(entry));
        bool awaits = false;
        for (const RestRun& run : rest.runs) {
            ASSERT_EQ(layout.data_offset(entry) + run.offset, at);
            ASSERT_GT(run.length, 0U);
            ASSERT_FALSE(run.crc32.has_value());
            const std::uint64_t end = at + run.length;
            const auto first = std::ranges::upper_bound(parts, at, {}, &Part::end);
            if (run.awaited) {
                awaits = true;
                ASSERT_EQ(first->begin, at);
                ASSERT_EQ(first - parts.begin(), part.awaited_begin);
                ASSERT_EQ(parts[part.awaited_end - 1].end, end);
                for (std::uint32_t q = part.awaited_begin; q < part.awaited_end; ++q) {
                    ASSERT_TRUE(is_pure(layout, parts[q], entry));
                    ASSERT_FALSE(parts[q].waits()) << "a chain of waits";
                }
            } else {
                // All data of the entry in one part, which holds something else, too.
                ASSERT_FALSE(is_pure(layout, *first, entry));
                ASSERT_EQ(end, std::min(first->end, layout.end(entry)));
                ASSERT_EQ(at, std::max(first->begin, layout.data_offset(entry)));
            }
            at = end;
        }
        ASSERT_EQ(at, layout.end(entry));
        ASSERT_EQ(awaits, part.waits());
    }
}

std::shared_ptr<const Plan> uniform_plan(const test::RandomObjects& objects, std::uint64_t size) {
    return test::plan_of(
        objects,
        {.sizing = {.preferred = size, .memory_max = kGiB, .layout = PartLayout::uniform}});
}

TEST(SplitUniformly, KeepsItsRulesForRandomLayouts) {
    std::uint64_t spans = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        const std::uint64_t size = (5 + seed % 6) * kMiB;
        const auto plan = uniform_plan(test::RandomObjects(seed, size), size);
        check_cuts(plan->layout(), split_uniformly(plan->layout(), size), size);
        check_rests(*plan, spans);
        if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(spans, 100U);
}

// An entry before the cut, a byte longer each time: the cut passes over the data's end, the whole
// header and the beginning of the data of the next entry.
TEST(SplitUniformly, CutsAHeaderAtEveryByte) {
    const std::uint64_t size = 5 * kMiB;
    std::uint64_t spans = 0;
    std::uint64_t cut_headers = 0;
    for (const std::uint64_t next : {std::uint64_t{0}, std::uint64_t{10}, 5 * kMiB, 11 * kMiB}) {
        for (std::uint64_t before = size - 150; before <= size; ++before) {
            const test::RandomObjects objects({before, next, 7});
            const auto plan = uniform_plan(objects, size);
            const zip::Layout& layout = plan->layout();
            check_cuts(layout, split_uniformly(layout, size), size);
            check_rests(*plan, spans);
            ASSERT_FALSE(testing::Test::HasFailure()) << before << " bytes, then " << next;
            cut_headers += layout.header_offset(1) < size && layout.data_offset(1) > size ? 1 : 0;
        }
    }
    EXPECT_GT(cut_headers, 4 * 30U);
    EXPECT_GT(spans, 4 * 30U);
}

TEST(SplitUniformly, TheLastPartMayBeOneByte) {
    for (std::uint64_t size = 5 * kMiB - 400; size < 5 * kMiB; ++size) {
        const test::RandomObjects objects({size});
        const auto plan = uniform_plan(objects, 5 * kMiB);
        if (plan->layout().archive_size() != 5 * kMiB + 1) continue;
        ASSERT_EQ(plan->parts().size(), 2U);
        EXPECT_EQ(plan->parts()[1].size(), 1U);
        EXPECT_EQ(plan->tail(), 0U) << "the central directory begins in the first part";
        return;
    }
    FAIL() << "no archive of a part and a byte";
}

TEST(SplitUniformly, CutsADirectoryThatIsLargerThanAPart) {
    Entries entries;
    for (int i = 0; i < 3000; ++i) entries.add(std::string(8000, 'n'), 0);
    const zip::Layout layout = layout_of(entries);
    const Parts parts = split_uniformly(layout, 5 * kMiB);
    check_cuts(layout, parts, 5 * kMiB);
    EXPECT_GE(parts.parts.size() - parts.tail, 4U);
}

TEST(AreUniform, AllButTheLastOfOneSize) {
    using List = std::vector<Part>;
    EXPECT_TRUE(are_uniform(List{{0, 5}}));
    EXPECT_TRUE(are_uniform(List{{0, 5}, {5, 10}}));
    EXPECT_TRUE(are_uniform(List{{0, 5}, {5, 10}, {10, 11}}));
    EXPECT_FALSE(are_uniform(List{{0, 5}, {5, 11}})) << "the last is larger";
    EXPECT_FALSE(are_uniform(List{{0, 5}, {5, 9}, {9, 14}}));
    EXPECT_FALSE(are_uniform(List{{0, 5}, {5, 11}, {11, 12}}));
}

base::Result<Parts> planned(const zip::EntryList& entries, PartSizing sizing) {
    sizing.layout = PartLayout::uniform;
    return plan_parts(layout_of(entries), sizing);
}

TEST(PlanUniformParts, TakesTheSizeThatWasRequested) {
    for (const std::uint64_t size : {5 * kMiB, 5 * kMiB + 1, 8 * kMiB, 20 * kMiB}) {
        const auto parts =
            planned(EqualEntries(30, 3 * kMiB),
                    {.requested = size, .preferred = 16 * kMiB, .memory_max = 64 * kMiB});
        ASSERT_TRUE(parts) << parts.error().to_string();
        EXPECT_EQ(parts->parts.front().size(), size);
    }
}

TEST(PlanUniformParts, RaisesThePreferredSizeForMoreThanTenThousandParts) {
    const EqualEntries entries(40'000, 5 * kMiB);
    const auto parts = planned(entries, {.preferred = 10 * kMiB, .memory_max = kGiB});
    ASSERT_TRUE(parts) << parts.error().to_string();
    EXPECT_LE(parts->parts.size(), kPartsMax);
    EXPECT_EQ(parts->parts.front().size(), 21 * kMiB) << "in whole MiB";
}

TEST(PlanUniformParts, HasAsManyPartsAsTheFirstAttempt) {
    base::Random random(3);
    for (int i = 0; i < 200; ++i) {
        Entries entries;
        for (std::uint64_t n = 1 + random.below(12); n > 0; --n)
            entries.add("n" + std::to_string(n), random.below(30 * kMiB));
        const PartSizing sizing{.requested = random.below(3) == 0 ? 8 * kMiB : 0,
                                .preferred = (10 + random.below(30)) * kMiB,
                                .memory_max = 64 * kMiB};
        const auto first = plan_parts(layout_of(entries), sizing);
        ASSERT_TRUE(first);
        PartSizing second = sizing;
        second.parts_min = first->parts.size();
        const auto parts = planned(entries, second);
        ASSERT_TRUE(parts);
        EXPECT_GE(parts->parts.size(), first->parts.size());
        EXPECT_TRUE(are_uniform(parts->parts));
    }
    // Ten thousand are not exceeded for it.
    const EqualEntries entries(9'000, 20 * kMiB - 1000);
    const auto parts =
        planned(entries, {.preferred = 64 * kMiB, .memory_max = kGiB, .parts_min = 9'990});
    ASSERT_TRUE(parts);
    EXPECT_LE(parts->parts.size(), kPartsMax);
    EXPECT_GE(parts->parts.size(), 9'990U);
}

TEST(PlanUniformParts, NamesWhatDoesNotFit) {
    const EqualEntries entries(40'000, 5 * kMiB);
    const auto memory = planned(entries, {.preferred = 10 * kMiB, .memory_max = 16 * kMiB});
    ASSERT_FALSE(memory);
    EXPECT_EQ(memory.error().code, "memory");
    const auto requested =
        planned(entries, {.requested = 8 * kMiB, .preferred = 64 * kMiB, .memory_max = kGiB});
    ASSERT_FALSE(requested);
    EXPECT_EQ(requested.error().kind, base::ErrorKind::invalid);
    EXPECT_EQ(requested.error().code, "part_size");
}

// 48.8 TiB, the most that S3 can hold, has 10,000 parts of 5 GiB whatever its entries are.
TEST(PlanUniformParts, HoldsTheLargestArchive) {
    const EqualEntries entries(18'500, 2700 * kMiB);
    const auto parts = planned(entries, {.preferred = 64 * kMiB, .memory_max = 100 * kGiB});
    ASSERT_TRUE(parts) << parts.error().to_string();
    EXPECT_LE(parts->parts.size(), kPartsMax);
    EXPECT_LE(parts->parts.front().size(), kPartSizeMax);
}

TEST(UniformPlan, IsMadeAgainFromItsRecord) {
    const test::RandomObjects objects(7, 6 * kMiB);
    const auto plan = uniform_plan(objects, 6 * kMiB);
    const PlanRecord record = plan->record();
    EXPECT_EQ(record.layout, PartLayout::uniform);
    const auto again =
        Plan::make_again(plan->shared_manifest(), test::empty_request(), record, kGiB);
    ASSERT_TRUE(again) << again.error().to_string();
    ASSERT_EQ((*again)->parts().size(), plan->parts().size());
    EXPECT_EQ((*again)->part_layout(), PartLayout::uniform);
    PlanRecord other = record;
    other.layout = PartLayout::entries;
    EXPECT_FALSE(Plan::make_again(plan->shared_manifest(), test::empty_request(), other, kGiB));
    other = record;
    other.cut_bytes = 4 * kMiB;
    EXPECT_FALSE(Plan::make_again(plan->shared_manifest(), test::empty_request(), other, kGiB));
}

TEST(UniformPlan, CountsTheReadsForACrcOnly) {
    using s3client::Operation;
    const auto count = [](const Plan& plan, Operation operation) {
        return plan.requests()[static_cast<std::size_t>(operation)];
    };
    // Three entries of 4 MiB, cut at 5 and 10 MiB: the ends of the second and third are read twice.
    const test::RandomObjects objects(std::vector<std::uint64_t>(3, 4 * kMiB));
    const auto plan = uniform_plan(objects, 5 * kMiB);
    ASSERT_EQ(plan->parts().size(), 3U);
    EXPECT_EQ(count(*plan, Operation::get_object), 3U + 2U + 2U);
    // Of each entry that was cut, and of the archive.
    EXPECT_EQ(count(*plan, Operation::head_object), 2U + 1U);
}

}  // namespace
}  // namespace archive
