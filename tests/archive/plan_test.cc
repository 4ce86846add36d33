// The plan: its shards side by side are the archive, its counts are those of a run. That the bytes
// come out right is for part_board_test and engine_test.
#include "archive/plan.h"

#include <ctime>
#include <iostream>

#include "board_fixture.h"

namespace archive {
namespace {

using test::kMiB;
using test::made_manifest;
using test::plan_of;
using test::RandomObjects;

// Sanitizers and -O0 tell nothing of speed.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
constexpr bool kIsSlowBuild = false;
#else
constexpr bool kIsSlowBuild = true;
#endif

TEST(Plan, SegmentsOfAllShardsAreTheArchive) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        const RandomObjects objects(seed, 10 * kMiB);
        const auto plan =
            plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
        std::uint64_t at = 0;
        std::vector<std::uint64_t> taken(plan->layout().count());
        for (std::size_t p = 0; p < plan->parts().size(); ++p) {
            const ShardPlan shard = plan->shard_of(p, {"out", "k", "id"});
            ASSERT_EQ(shard.parts.size(), 1U);
            EXPECT_EQ(shard.upload.upload_id, "id");
            EXPECT_EQ(shard.parts[0].number, p + 1);
            EXPECT_EQ(shard.parts[0].size, plan->parts()[p].size());
            for (const Segment& segment : shard.parts[0].segments) {
                ASSERT_GT(segment.length, 0U);
                if (segment.kind == Segment::Kind::directory) {
                    ASSERT_EQ(segment.offset, at);
                    ASSERT_GE(at, plan->layout().cd_offset());
                } else {
                    const ShardEntry& entry = shard.entries.at(segment.entry);
                    const std::uint64_t i = entry.index;
                    EXPECT_EQ(entry.key, objects.key(i));
                    EXPECT_EQ(entry.size, objects.size(i));
                    if (segment.kind == Segment::Kind::header) {
                        ASSERT_EQ(at, plan->layout().header_offset(i));
                        ASSERT_EQ(segment.length, plan->layout().header_size(i));
                    } else {
                        ASSERT_EQ(segment.offset, taken[i]);
                        ASSERT_EQ(at, plan->layout().data_offset(i) + segment.offset);
                        taken[i] += segment.length;
                    }
                }
                at += segment.length;
            }
            ASSERT_EQ(at, plan->parts()[p].end);
        }
        ASSERT_EQ(at, plan->layout().archive_size());
        for (std::uint64_t i = 0; i < taken.size(); ++i) ASSERT_EQ(taken[i], objects.size(i));
    }
}

TEST(Plan, EveryEntryEndsInOnePart) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const RandomObjects objects(seed, 10 * kMiB);
        const auto plan =
            plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
        std::uint64_t sum = 0;
        for (std::size_t p = 0; p < plan->parts().size(); ++p) sum += plan->entries_ended_in(p);
        EXPECT_EQ(sum, plan->layout().count());
    }
}

TEST(Plan, IsOnePutUpToItsLimit) {
    const RandomObjects objects(std::vector<std::uint64_t>{100, 200});
    const std::uint64_t size =
        plan_of(objects, {.sizing = {}, .single_put_max = kMiB})->layout().archive_size();
    const PartSizing sizing{.preferred = 10 * kMiB, .memory_max = 64 * kMiB};
    EXPECT_TRUE(plan_of(objects, {sizing, size})->single_put());
    EXPECT_FALSE(plan_of(objects, {sizing, size - 1})->single_put());
    EXPECT_EQ(plan_of(objects, {sizing, size})->part_size_max(), size);
}

TEST(Plan, CountsItsRequests) {
    using s3client::Operation;
    const auto count = [](const Plan& plan, Operation operation) {
        return plan.requests()[static_cast<std::size_t>(operation)];
    };
    const PartSizing sizing{.preferred = 64 * kMiB, .memory_max = 64 * kMiB};
    // No GET for nothing, and one for each 16 MiB begun.
    const RandomObjects objects(std::vector<std::uint64_t>{0, 1, 16 * kMiB, 16 * kMiB + 1});
    const auto one = plan_of(objects, {sizing, 64 * kMiB});
    EXPECT_EQ(count(*one, Operation::get_object), 4U);
    EXPECT_EQ(count(*one, Operation::put_object), 1U);
    EXPECT_EQ(count(*one, Operation::upload_part), 0U);
    const auto many = plan_of(objects, {{.preferred = 10 * kMiB, .memory_max = 64 * kMiB}, 0});
    EXPECT_EQ(count(*many, Operation::put_object), 0U);
    EXPECT_EQ(count(*many, Operation::create_multipart_upload), 1U);
    EXPECT_EQ(count(*many, Operation::upload_part), many->parts().size());
    EXPECT_EQ(count(*many, Operation::complete_multipart_upload), 1U);
    // Of what Complete made, and of what S3 has stored of the object that is read in ranges.
    EXPECT_EQ(count(*many, Operation::head_object), 2U);
}

// CPU time, so that a busy machine does not fail it.
TEST(Plan, OfAMillionObjectsTakesUnderTwoCpuSeconds) {
    const auto cpu_ms = [begin = std::clock()] {
        return static_cast<std::int64_t>(std::clock() - begin) * 1000 / CLOCKS_PER_SEC;
    };
    const RandomObjects objects(std::vector<std::uint64_t>(1'000'000, 1024));
    auto manifest = made_manifest(objects);
    const auto named_ms = cpu_ms();
    const auto plan =
        Plan::make(manifest, {}, {.sizing = {.preferred = 16 * kMiB, .memory_max = 64 * kMiB}});
    ASSERT_TRUE(plan) << plan.error().to_string();
    EXPECT_EQ((*plan)->requests()[static_cast<std::size_t>(s3client::Operation::get_object)],
              1'000'000U);
    const auto all_ms = cpu_ms();
    std::cout << "[          ] a million objects: selection and manifest " << named_ms
              << " ms, plan " << all_ms - named_ms << " ms of CPU\n";
    EXPECT_LT(all_ms, kIsSlowBuild ? 60'000 : 2000);
}

}  // namespace
}  // namespace archive
