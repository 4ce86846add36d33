// The board with parts of one size: parts done in random orders, with memory for one or for many,
// after any subset of them was stored by an earlier process.
#include <algorithm>

#include "board_player.h"

namespace archive {
namespace {

using test::kMiB;
using test::plan_of;
using test::Player;
using test::RandomObjects;

struct UniformBoard : test::BoardTest {
    static std::shared_ptr<const Plan> uniform_plan(const RandomObjects& objects,
                                                    std::uint64_t size = 5 * kMiB) {
        return plan_of(objects, {.sizing = {.preferred = size,
                                            .memory_max = 64 * kMiB,
                                            .layout = PartLayout::uniform}});
    }
    void expect_archive(const RandomObjects& objects, std::uint64_t seed, std::size_t held_max) {
        const auto plan = uniform_plan(objects);
        PartBoard board(reactor, plan, {"out", "k", "id"}, job);
        Player player(*plan, objects);
        play_parts(*plan, board, player, seed, held_max);
        if (HasFatalFailure()) return;
        play_tail(*plan, board, player);
        expect_right(*plan, board, player, objects);
        read_twice += player.bytes_read_twice();
        parts_played += plan->parts().size();
    }
    std::uint64_t read_twice = 0;
    std::uint64_t parts_played = 0;
};

TEST_F(UniformBoard, AnyOrderOfPartsGivesTheSameArchive) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        expect_archive(RandomObjects::of_total(seed, 5 * kMiB, 15 * kMiB), seed, 1 + seed % 8);
    }
    EXPECT_GT(read_twice, 0U);
    EXPECT_GT(parts_played, 16U);
}

TEST_F(UniformBoard, MemoryForOnePartIsEnough) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        expect_archive(RandomObjects::of_total(seed, 6 * kMiB, 15 * kMiB), seed, 1);
    }
    EXPECT_GT(parts_played, 10U);
}

// The header of the second entry at every place around the cut; its data end in the same part, in
// the next, exactly at a cut, or many parts later.
TEST_F(UniformBoard, AHeaderAtTheCut) {
    for (const std::uint64_t next : {std::uint64_t{0}, std::uint64_t{9}, 5 * kMiB, 11 * kMiB}) {
        for (std::uint64_t gap = 20; gap <= 140; gap += 20) {
            SCOPED_TRACE(testing::Message() << gap << " bytes, then " << next);
            expect_archive(RandomObjects({5 * kMiB - gap, next, 11}), gap, 3);
            if (HasFailure()) return;
        }
    }
}

TEST_F(UniformBoard, AnEntryThatEndsExactlyAtACut) {
    int met = 0;
    for (const std::uint64_t parts : {1, 2, 3}) {
        const std::uint64_t header = uniform_plan(RandomObjects({1}))->layout().data_offset(0);
        const RandomObjects objects({parts * 5 * kMiB - header, 100, 3});
        met += uniform_plan(objects)->layout().end(0) == parts * 5 * kMiB ? 1 : 0;
        expect_archive(objects, parts, 4);
    }
    EXPECT_EQ(met, 3);
}

// The parts of an earlier process count, whatever they are: nothing is played twice, and what the
// headers need of them is known from their records.
TEST_F(UniformBoard, AnySubsetOfPartsMayBeStored) {
    for (std::uint64_t seed = 1; seed <= 24; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        const RandomObjects objects = RandomObjects::of_total(seed, 5 * kMiB, 10 * kMiB);
        const auto plan = uniform_plan(objects);
        Player player(*plan, objects);
        records.clear();
        {
            PartBoard first(reactor, plan, {}, job);
            play_parts(*plan, first, player, seed);
            ASSERT_FALSE(HasFailure());
            // The tail's, too.
            play_tail(*plan, first, player);
            for (std::size_t p = plan->tail(); p < plan->parts().size(); ++p) {
                records.push_back(
                    {first.results()[p], player.play(plan->shard_of(p, {})).pieces, 0});
            }
        }
        base::Random random(seed);
        const std::uint64_t share = random.below(5);
        std::erase_if(records, [&](const auto&) { return random.below(4) >= share; });
        PartBoard board(reactor, plan, {}, job, records);
        play_parts(*plan, board, player, seed + 100);
        ASSERT_FALSE(HasFailure());
        play_tail(*plan, board, player);
        expect_right(*plan, board, player, objects);
    }
}

// Three entries of 4 MiB: the first part has the beginning of the second, the second part its end.
struct ReadTwice : UniformBoard {
    const RandomObjects objects{std::vector<std::uint64_t>(3, 4 * kMiB)};
    const std::shared_ptr<const Plan> plan = uniform_plan(objects);
    Player player{*plan, objects};
    ShardPlan taken(PartBoard& board) { return reactor.run_until_done(take(board)).value(); }
    void expect_mismatch(PartBoard& board) {
        const auto status = reactor.run_until_done(done(board));
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().kind, base::ErrorKind::corrupt);
        EXPECT_EQ(status.error().code, "checksum_mismatch");
        EXPECT_EQ(status.error().key, "src/objects/1");
        EXPECT_NE(status.error().detail.find("src/objects/1"), std::string::npos);
        EXPECT_FALSE(reactor.run_until_done(take(board)).has_value()) << "nothing more is done";
    }
    // The piece of entry 1 that the second part has.
    static PieceCrc& end_of_second(std::vector<PieceCrc>& pieces) {
        return *std::ranges::find_if(
            pieces, [](const PieceCrc& piece) { return piece.entry == 1 && piece.offset > 0; });
    }
};

TEST_F(ReadTwice, ADifferentCrcEndsTheJob) {
    for (const bool header_first : {true, false}) {
        SCOPED_TRACE(header_first);
        PartBoard board(reactor, plan, {}, job);
        ShardResult header = player.play(taken(board));
        ShardResult end = player.play(taken(board));
        end_of_second(end.pieces).crc32 ^= 1;
        EXPECT_TRUE(reactor.run_until_done(finish(board, header_first ? header : end)));
        EXPECT_FALSE(reactor.run_until_done(finish(board, header_first ? end : header)));
        expect_mismatch(board);
    }
}

TEST_F(ReadTwice, ADifferentCrcInTheRecordsEndsTheJob) {
    PartBoard first(reactor, plan, {}, job);
    std::vector<PartRecord> stored;
    for (int i = 0; i < 2; ++i) {
        ShardResult result = player.play(taken(first));
        stored.push_back({result.parts[0], result.pieces, 0});
    }
    {
        PartBoard board(reactor, plan, {}, job, {stored[0]});
        ShardResult end = player.play(taken(board));
        end_of_second(end.pieces).crc32 ^= 1;
        EXPECT_FALSE(reactor.run_until_done(finish(board, end)));
        expect_mismatch(board);
    }
    end_of_second(stored[1].pieces).crc32 ^= 1;
    PartBoard board(reactor, plan, {}, job, stored);
    expect_mismatch(board);
}

// Where its own part was done first, nothing is read twice.
TEST_F(ReadTwice, WhatIsKnownIsNotReadAgain) {
    PartBoard first(reactor, plan, {}, job);
    static_cast<void>(taken(first));
    const ShardResult end = player.play(taken(first));
    PartBoard board(reactor, plan, {}, job, {{end.parts[0], end.pieces, 0}});
    const ShardPlan header = taken(board);
    ASSERT_EQ(header.parts[0].number, 1U);
    ASSERT_EQ(header.entries.back().rest.size(), 1U);
    EXPECT_TRUE(header.entries.back().rest[0].crc32.has_value());
    EXPECT_FALSE(header.entries.back().wants_stored_crc32());
}

}  // namespace
}  // namespace archive
