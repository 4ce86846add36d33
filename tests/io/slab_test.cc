#include "io/slab.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "io/task_scope.h"
#include "loopback.h"
#include "on_backends.h"

namespace io {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;

constexpr std::size_t kBlock = BufferSlab::kBlockBytes;

class SlabTest : public OnBackends {
  protected:
    PartMemory reserve(BufferSlab& slab, std::size_t size) {
        return must(reactor.run_until_done(slab.reserve(size, {})));
    }
    std::unique_ptr<BufferSlab> slab_of(std::size_t blocks) {
        return must(BufferSlab::create(reactor, blocks * kBlock));
    }
};
ON_BACKENDS(SlabTest);

std::vector<std::byte> joined(const PartMemory& memory) {
    std::vector<std::byte> all;
    for (const base::ByteView piece : memory.pieces())
        all.insert(all.end(), piece.begin(), piece.end());
    return all;
}

TEST_P(SlabTest, CountsWholeBlocksAndTakesThemBack) {
    const auto slab = must(BufferSlab::create(reactor, 4 * kBlock + kBlock / 2));
    EXPECT_EQ(slab->total_bytes(), 4 * kBlock);
    {
        const PartMemory one = reserve(*slab, 1);
        EXPECT_EQ(one.size(), 1u);
        EXPECT_EQ(slab->in_use_bytes(), kBlock);
        const PartMemory two = reserve(*slab, kBlock + 1);
        EXPECT_EQ(slab->in_use_bytes(), 3 * kBlock);
    }
    EXPECT_EQ(slab->in_use_bytes(), 0u);
}

TEST_P(SlabTest, NothingIsReservedForNothing) {
    const auto slab = slab_of(1);
    const PartMemory none = reserve(*slab, 0);
    EXPECT_EQ(none.size(), 0u);
    EXPECT_TRUE(none.pieces().empty());
    EXPECT_EQ(slab->in_use_bytes(), 0u);
}

TEST_P(SlabTest, WhatCanNeverFitIsExhausted) {
    const auto slab = slab_of(2);
    EXPECT_TRUE(reactor.run_until_done(slab->reserve(2 * kBlock, {})));
    for (const std::size_t size : {2 * kBlock + 1, SIZE_MAX - 1, SIZE_MAX}) {
        const auto memory = reactor.run_until_done(slab->reserve(size, {}));
        ASSERT_FALSE(memory.has_value()) << size;
        EXPECT_EQ(memory.error().kind, ErrorKind::exhausted);
        EXPECT_EQ(memory.error().code, "memory");
    }
    EXPECT_EQ(slab->in_use_bytes(), 0u);
}

TEST_P(SlabTest, AtEndsWithTheBlockTheLimitOrThePart) {
    const auto slab = slab_of(3);
    PartMemory memory = reserve(*slab, 2 * kBlock + 100);
    EXPECT_EQ(memory.at(0, SIZE_MAX).size(), kBlock);
    EXPECT_EQ(memory.at(0, 10).size(), 10u);
    EXPECT_EQ(memory.at(kBlock - 1, SIZE_MAX).size(), 1u);
    EXPECT_EQ(memory.at(kBlock, SIZE_MAX).size(), kBlock);
    EXPECT_EQ(memory.at(2 * kBlock, SIZE_MAX).size(), 100u);
    EXPECT_EQ(memory.at(2 * kBlock + 99, SIZE_MAX).size(), 1u);
    EXPECT_EQ(memory.at(5, 1).data(), memory.at(0, 6).data() + 5);
}

// Blocks come back in any order, so that parts get blocks from all over the slab; what is written
// at an offset is what is read there, and nobody's bytes are another's.
TEST_P(SlabTest, PartsOfScatteredBlocksHoldWhatIsWrittenAcrossTheirBorders) {
    const auto slab = slab_of(16);
    base::Random random(1);
    for (int round = 0; round < 20; ++round) {
        std::vector<PartMemory> singles;
        for (int i = 0; i < 16; ++i) singles.push_back(reserve(*slab, kBlock));
        while (singles.size() > 4)
            singles.erase(singles.begin() +
                          static_cast<std::ptrdiff_t>(random.below(singles.size())));
        PartMemory a = reserve(*slab, 7 * kBlock - 13);
        PartMemory b = reserve(*slab, 5 * kBlock);
        const auto bytes_a = pattern(a.size(), 1), bytes_b = pattern(b.size(), 1'000'000);
        for (std::size_t at = 0; at < a.size();) {
            const std::size_t size =
                std::min<std::size_t>(a.size() - at, 1 + random.below(2 * kBlock));
            a.write(at, base::ByteView(bytes_a).subspan(at, size));
            at += size;
        }
        b.write(0, bytes_b);
        EXPECT_TRUE(joined(a) == bytes_a);
        EXPECT_TRUE(joined(b) == bytes_b);
    }
    EXPECT_EQ(slab->in_use_bytes(), 0u);
}

TEST_P(SlabTest, NeighbouringBlocksAreOnePiece) {
    const auto slab = slab_of(8);
    EXPECT_EQ(reserve(*slab, 8 * kBlock - 1).pieces().size(), 1u);
    PartMemory a = reserve(*slab, kBlock), b = reserve(*slab, kBlock), c = reserve(*slab, kBlock);
    a = PartMemory();
    c = PartMemory();
    const PartMemory around = reserve(*slab, 7 * kBlock);  // b's block is not among them
    EXPECT_LE(around.pieces().size(), 3u);
    EXPECT_GE(around.pieces().size(), 2u);
    std::size_t total = 0;
    for (const base::ByteView piece : around.pieces()) total += piece.size();
    EXPECT_EQ(total, around.size());
}

TEST_P(SlabTest, MovingHandsTheBlocksOver) {
    const auto slab = slab_of(4);
    PartMemory first = reserve(*slab, 2 * kBlock);
    first.write(0, base::as_bytes("kept"));
    PartMemory second(std::move(first));
    EXPECT_EQ(first.size(), 0u);
    EXPECT_TRUE(first.pieces().empty());
    EXPECT_EQ(base::as_text(second.at(0, 4)), "kept");
    EXPECT_EQ(slab->in_use_bytes(), 2 * kBlock);
    PartMemory third = reserve(*slab, kBlock);
    third = std::move(second);  // gives back what it had
    EXPECT_EQ(slab->in_use_bytes(), 2 * kBlock);
    EXPECT_EQ(base::as_text(third.at(0, 4)), "kept");
    third = PartMemory();
    EXPECT_EQ(slab->in_use_bytes(), 0u);
}

Task<void> hold_for(Reactor& reactor, BufferSlab& slab, std::size_t size, int id,
                    std::vector<int>& order) {
    const PartMemory memory = must(co_await slab.reserve(size, {}));
    order.push_back(id);
    EXPECT_LE(slab.in_use_bytes(), slab.total_bytes());
    co_await let_others_run(reactor);
}

TEST_P(SlabTest, ReserveWaitsInOrderForTheWholeAmount) {
    const auto slab = slab_of(4);
    std::vector<int> order;
    run([](Reactor& r, BufferSlab& s, std::vector<int>& out) -> Task<void> {
        TaskScope scope(r);
        scope.spawn(hold_for(r, s, 3 * kBlock, 1, out));
        scope.spawn(hold_for(r, s, 4 * kBlock, 2, out));
        scope.spawn(hold_for(r, s, kBlock, 3, out));  // would fit beside 1, but 2 was first
        for (int id = 4; id <= 40; ++id)
            scope.spawn(hold_for(r, s, (1 + id % 4) * kBlock, id, out));
        co_await scope.join();
    }(reactor, *slab, order));
    ASSERT_EQ(order.size(), 40u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(slab->in_use_bytes(), 0u);
}

// What jobs hold beside one another: a part each, whatever its size; a spare for who holds none.
TEST_P(SlabTest, BoundsWhatAFlowHoldsButForItsFirstPart) {
    const auto slab = must(BufferSlab::create(reactor, 10 * kBlock, 3 * kBlock));
    const auto take = [&](std::size_t blocks, std::uint64_t flow) {
        Bounds bounds;
        bounds.idle_timeout = 1ms;
        return reactor.run_until_done(slab->reserve(blocks * kBlock, bounds, {.id = flow}));
    };
    auto large = take(5, 1);
    ASSERT_TRUE(large);
    EXPECT_FALSE(take(1, 1));
    auto other = take(2, 2);
    ASSERT_TRUE(other);
    EXPECT_EQ(must(take(1, 2)).size(), kBlock);
    EXPECT_FALSE(take(2, 2));
    large = PartMemory();
    EXPECT_LT(other->number(), must(take(3, 1)).number());
}

TEST_P(SlabTest, AFlowLeavesAFifthToOthers) {
    const auto slab = slab_of(10);
    std::vector<PartMemory> mine;
    const auto take = [&](std::size_t blocks, std::uint64_t flow) {
        Bounds bounds;
        bounds.idle_timeout = 1ms;
        return reactor.run_until_done(slab->reserve(blocks * kBlock, bounds, {.id = flow}));
    };
    for (int i = 0; i < 4; ++i) mine.push_back(must(take(2, 1)));
    EXPECT_FALSE(take(2, 1));
    EXPECT_TRUE(take(2, 2));
    mine.clear();
    for (int i = 0; i < 2; ++i) mine.push_back(must(take(5, 1)));  // too large for that
}

TEST_P(SlabTest, AReservationThatGivesUpTakesNothing) {
    const auto slab = slab_of(2);
    PartMemory most = reserve(*slab, kBlock);
    Bounds bounds;
    bounds.idle_timeout = 10ms;
    const auto late = reactor.run_until_done(slab->reserve(2 * kBlock, bounds));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, "timeout");
    EXPECT_EQ(slab->in_use_bytes(), kBlock);
    EXPECT_EQ(reserve(*slab, kBlock).size(), kBlock);
}

}  // namespace
}  // namespace io
