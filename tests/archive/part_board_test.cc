// A board's parts done in random orders by an executor without S3. What must come out whatever the
// order: the archive's CRC and bytes, those of a plain run over all entries.
#include "archive/part_board.h"

#include "board_player.h"
#include "io/task_scope.h"

namespace archive {
namespace {

using test::kMiB;
using test::plan_of;
using test::Player;
using test::RandomObjects;

struct BoardTest : test::BoardTest {
    void expect_archive(const RandomObjects& objects, std::uint64_t seed);
};

void BoardTest::expect_archive(const RandomObjects& objects, std::uint64_t seed) {
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    PartBoard board(reactor, plan, {"out", "k", "id"}, job);
    Player player(*plan, objects);
    play_parts(*plan, board, player, seed);
    play_tail(*plan, board, player);
    expect_right(*plan, board, player, objects);
}

TEST_F(BoardTest, AnyOrderOfPartsGivesTheSameArchive) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        expect_archive(RandomObjects(seed, 10 * kMiB), seed);
    }
}

// The first part of a group ends with the header, and the second is all of the entry's data.
TEST_F(BoardTest, AGroupWhoseDataFillsExactlyOnePart) {
    int met = 0;
    for (std::uint64_t gap = 30; gap <= 130; gap += 20) {
        SCOPED_TRACE(testing::Message() << gap << " bytes before the border");
        const RandomObjects objects({5 * kMiB - gap, 5 * kMiB, 10});
        expect_archive(objects, gap);
        const auto plan =
            plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
        met += plan->parts()[0].end == plan->layout().data_offset(1) ? 1 : 0;
    }
    EXPECT_GT(met, 0);
}

TEST_F(BoardTest, CountsWhatIsDone) {
    const RandomObjects objects(std::vector<std::uint64_t>{11 * kMiB, 9, 0, 6 * kMiB, 3});
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    PartBoard board(reactor, plan, {}, job);
    Player player(*plan, objects);
    while (auto shard = reactor.run_until_done(take(board)))
        reactor.run_until_done(finish(board, player.play(*shard)));
    EXPECT_EQ(job.parts_done, plan->tail());
    EXPECT_EQ(job.bytes_done, plan->parts()[plan->tail()].begin);
}

TEST_F(BoardTest, AfterAFailureNothingIsGivenOut) {
    const RandomObjects objects(std::vector<std::uint64_t>(10, 6 * kMiB));
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    PartBoard board(reactor, plan, {}, job);
    ASSERT_TRUE(reactor.run_until_done(take(board)).has_value());
    reactor.run_until_done(
        finish(board, base::fail(base::ErrorKind::denied, "AccessDenied", "no")));
    EXPECT_FALSE(reactor.run_until_done(take(board)).has_value());
    board.fail({base::ErrorKind::transient, "later", "", 0, {}, {}});
    const auto status = reactor.run_until_done(done(board));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, "AccessDenied") << "the first failure is the one reported";
}

// Two who wait for a group's first part: a failure ends their waiting.
io::Task<void> take_into(PartBoard& board, int& ended) {
    const auto shard = co_await board.take();
    EXPECT_FALSE(shard.has_value());
    ++ended;
}
io::Task<int> fail_while_others_wait(io::Reactor& reactor, PartBoard& board) {
    int ended = 0;
    io::TaskScope scope(reactor);
    scope.spawn(take_into(board, ended));
    scope.spawn(take_into(board, ended));
    for (int i = 0; i < 3; ++i) co_await reactor.sleep(base::Duration::zero());
    EXPECT_EQ(ended, 0);
    board.fail({base::ErrorKind::cancelled, "cancelled", "", 0, {}, {}});
    co_await scope.join();
    co_return ended;
}

TEST_F(BoardTest, AFailureEndsEveryWait) {
    const RandomObjects objects(std::vector<std::uint64_t>{13 * kMiB});
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    ASSERT_EQ(plan->tail(), 2U);
    PartBoard board(reactor, plan, {}, job);
    const auto second = reactor.run_until_done(take(board));
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->parts[0].number, 2U) << "the first of a group comes last";
    EXPECT_EQ(reactor.run_until_done(fail_while_others_wait(reactor, board)), 2);
}

}  // namespace
}  // namespace archive
