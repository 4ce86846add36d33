// Who is next, and who holds back whom. What shares come of it: fair_shares_test.cc.
#include "io/fair_queue.h"

#include <gtest/gtest.h>
#include <algorithm>

#include "io/task_scope.h"
#include "on_backends.h"

namespace io {
namespace {

using namespace std::chrono_literals;
using Rank = FairQueue::Rank;

class FairQueueTest : public OnBackends {};
ON_BACKENDS(FairQueueTest);

// What happened, in order: the id of who got its units, or minus the id of who did not.
using Trace = std::vector<int>;

Task<void> take(FairQueue& queue, Flow flow, std::uint64_t units, int id, Trace& trace,
                Bounds bounds = {}, Rank rank = Rank::first) {
    const auto got = co_await queue.take(flow, units, bounds, rank);
    trace.push_back(got ? id : -id);
}

constexpr Flow kOne{.id = 1}, kTwo{.id = 2}, kThree{.id = 3};

TEST_P(FairQueueTest, TakesAtOnceWhatIsThere) {
    FairQueue queue(reactor, 10);
    EXPECT_TRUE(queue.try_take(kOne, 4));
    EXPECT_FALSE(queue.try_take(kTwo, 7));
    EXPECT_TRUE(queue.try_take(kTwo, 6));
    EXPECT_EQ(queue.free_units(), 0U);
    queue.give_back(1, 4);
    EXPECT_EQ(queue.taken(), 6U);
    queue.give_back(2, 6);
    EXPECT_TRUE(queue.try_take({}, 10));
    EXPECT_TRUE(queue.try_take({}, 0));
    queue.give_back(0, 10);
    queue.give_back(77, 0);  // of a flow that never took anything
}

TEST_P(FairQueueTest, OneFlowIsServedInTheOrderItCame) {
    FairQueue queue(reactor, 10);
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        EXPECT_TRUE(q.try_take(kOne, 5));
        TaskScope scope(r);
        scope.spawn(take(q, kOne, 8, 1, out));
        scope.spawn(take(q, kOne, 1, 2, out));  // would fit, but is behind
        co_await let_others_run(r);
        EXPECT_TRUE(out.empty());
        EXPECT_TRUE(q.contended());
        EXPECT_FALSE(q.try_take(kOne, 1));
        EXPECT_FALSE(q.try_take(kTwo, 1));  // nor does who comes later pass it
        q.give_back(1, 5);
        co_await scope.join();
        EXPECT_EQ(out, (Trace{1, 2}));
        EXPECT_FALSE(q.contended());
        q.give_back(1, 9);
    }(reactor, queue));
}

TEST_P(FairQueueTest, AmongItsOwnTheLowerOrderGoesFirst) {
    FairQueue queue(reactor, 1);
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        EXPECT_TRUE(q.try_take(kOne, 1));
        TaskScope scope(r);
        int id = 0;
        for (const std::uint64_t order : {5, 3, 5, 1, 9, 3})
            scope.spawn(take(q, {.id = 1, .order = order}, 1, ++id, out));
        co_await let_others_run(r);
        for (int i = 0; i < 6; ++i) {
            q.give_back(1, 1);
            co_await let_others_run(r);
        }
        co_await scope.join();
        EXPECT_EQ(out, (Trace{4, 2, 6, 1, 3, 5}));
        q.give_back(1, 1);
    }(reactor, queue));
}

// A long line of one flow is not in another's way.
TEST_P(FairQueueTest, FlowsTakeTurns) {
    FairQueue queue(reactor, 1);
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        EXPECT_TRUE(q.try_take(kOne, 1));
        std::uint64_t holder = 1;
        TaskScope scope(r);
        for (int i = 0; i < 50; ++i) scope.spawn(take(q, kOne, 1, 1, out));
        for (int i = 0; i < 5; ++i) scope.spawn(take(q, kTwo, 1, 2, out));
        co_await let_others_run(r);
        for (int i = 0; i < 55; ++i) {
            q.give_back(holder, 1);
            co_await let_others_run(r);
            holder = static_cast<std::uint64_t>(out.back());
        }
        co_await scope.join();
        EXPECT_EQ(std::count(out.begin(), out.begin() + 10, 2), 5);
        q.give_back(holder, 1);
    }(reactor, queue));
}

TEST_P(FairQueueTest, AHeadThatDoesNotFitHoldsBackAllOthers) {
    FairQueue queue(reactor, 10);
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        EXPECT_TRUE(q.try_take(kOne, 2));
        EXPECT_TRUE(q.try_take(kTwo, 8));
        TaskScope scope(r);
        scope.spawn(take(q, kThree, 9, 3, out));
        scope.spawn(take(q, kTwo, 1, 2, out));
        q.give_back(1, 2);
        co_await let_others_run(r);
        EXPECT_TRUE(out.empty());
        q.give_back(2, 8);
        co_await scope.join();
        EXPECT_EQ(out, (Trace{3, 2}));
        q.give_back(3, 9);
        q.give_back(2, 1);
    }(reactor, queue));
}

TEST_P(FairQueueTest, AFlowAtItsBoundHoldsBackNobody) {
    FairQueue queue(reactor, 10, {.flow_units_max = 4});
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        EXPECT_TRUE(q.try_take(kOne, 3));
        EXPECT_FALSE(q.try_take(kOne, 2));
        TaskScope scope(r);
        scope.spawn(take(q, kOne, 2, 1, out));
        co_await let_others_run(r);
        EXPECT_FALSE(q.contended());
        EXPECT_TRUE(q.try_take(kTwo, 4));
        EXPECT_FALSE(q.try_take(kOne, 1));  // would fit, but its own flow's line is before it
        scope.spawn(take(q, kThree, 3, 3, out));
        co_await let_others_run(r);
        EXPECT_EQ(out, Trace{3});
        q.give_back(3, 3);
        EXPECT_EQ(out.size(), 1U);
        q.give_back(1, 3);
        co_await scope.join();
        EXPECT_EQ(out, (Trace{3, 1}));
        q.give_back(1, 2);
        q.give_back(2, 4);
        EXPECT_TRUE(q.try_take({}, 10));  // nobody's flow has no bound
        q.give_back(0, 10);
    }(reactor, queue));
}

TEST_P(FairQueueTest, WhoHoldsNothingMayTakeMoreThanTheBound) {
    FairQueue queue(reactor, 10, {.flow_units_max = 2});
    EXPECT_TRUE(queue.try_take(kOne, 7));
    EXPECT_FALSE(queue.try_take(kOne, 1));
    queue.give_back(1, 7);
    EXPECT_TRUE(queue.try_take(kOne, 1));
    EXPECT_TRUE(queue.try_take(kOne, 1));
    queue.give_back(1, 2);
}

TEST_P(FairQueueTest, ASpareIsLeftToWhoHoldsNothing) {
    FairQueue queue(reactor, 10, {.spare_units = 2});
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        for (int i = 0; i < 4; ++i) EXPECT_TRUE(q.try_take(kOne, 2));
        EXPECT_FALSE(q.try_take(kOne, 1));
        TaskScope scope(r);
        scope.spawn(take(q, kOne, 2, 1, out));
        co_await let_others_run(r);
        EXPECT_TRUE(out.empty());
        EXPECT_FALSE(q.contended());
        scope.spawn(take(q, kTwo, 2, 2, out));
        co_await let_others_run(r);
        EXPECT_EQ(out, Trace{2});
        q.give_back(2, 2);
        co_await let_others_run(r);
        EXPECT_EQ(out, Trace{2});
        q.give_back(1, 2);
        co_await scope.join();
        EXPECT_EQ(out, (Trace{2, 1}));
        q.give_back(1, 8);
        // Larger takes leave nothing, or much might lie idle.
        EXPECT_TRUE(q.try_take(kOne, 5));
        EXPECT_TRUE(q.try_take(kOne, 5));
        q.give_back(1, 10);
    }(reactor, queue));
}

TEST_P(FairQueueTest, TheFirstRankGoesBeforeTheSecond) {
    FairQueue queue(reactor, 1);
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        EXPECT_TRUE(q.try_take({}, 1));
        TaskScope scope(r);
        scope.spawn(take(q, {}, 1, 1, out, {}, Rank::second));
        scope.spawn(take(q, {}, 1, 2, out, {}, Rank::second));
        scope.spawn(take(q, {}, 1, 3, out, {}, Rank::first));
        scope.spawn(take(q, {}, 1, 4, out, {}, Rank::first));
        co_await let_others_run(r);
        for (int i = 0; i < 4; ++i) {
            q.give_back(0, 1);
            co_await let_others_run(r);
        }
        co_await scope.join();
        EXPECT_EQ(out, (Trace{3, 4, 1, 2}));
        q.give_back(0, 1);
    }(reactor, queue));
}

TEST_P(FairQueueTest, AHeadThatGivesUpLetsTheNextGo) {
    FairQueue queue(reactor, 10);
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        CancelSource cancel;
        EXPECT_TRUE(q.try_take(kOne, 5));
        TaskScope scope(r);
        Bounds soon;
        soon.idle_timeout = 5ms;
        scope.spawn(take(q, kTwo, 9, 1, out, soon));
        scope.spawn(take(q, kTwo, 1, 2, out));
        scope.spawn(take(q, kThree, 1, 3, out));
        while (out.size() < 3) co_await r.sleep(1ms);
        std::ranges::sort(out.begin() + 1, out.end());
        EXPECT_EQ(out, (Trace{-1, 2, 3}));
        out.clear();
        scope.spawn(take(q, {.id = 4}, 8, 4, out, {.cancel = &cancel}));
        co_await let_others_run(r);
        scope.spawn(take(q, kThree, 2, 5, out));
        co_await let_others_run(r);
        EXPECT_EQ(out.size(), 0U);
        cancel.cancel();
        co_await scope.join();
        EXPECT_EQ(out, (Trace{-4, 5}));
        scope.spawn(take(q, kTwo, 1, 6, out, {.cancel = &cancel}));  // though there are units
        co_await scope.join();
        EXPECT_EQ(out.back(), -6);
        EXPECT_EQ(q.taken(), 9U);
        q.give_back(1, 5);
        q.give_back(2, 1);
        q.give_back(3, 3);
    }(reactor, queue));
}

TEST_P(FairQueueTest, ThereMayBeMoreOrFewerUnitsLater) {
    FairQueue queue(reactor, 1);
    run([](Reactor& r, FairQueue& q) -> Task<void> {
        Trace out;
        TaskScope scope(r);
        for (int id = 1; id <= 4; ++id) scope.spawn(take(q, kOne, 1, id, out));
        co_await let_others_run(r);
        EXPECT_EQ(out, Trace{1});
        q.set_units(3);
        co_await let_others_run(r);
        EXPECT_EQ(out, (Trace{1, 2, 3}));
        q.set_units(1);
        EXPECT_EQ(q.free_units(), 0U);
        q.give_back(1, 2);
        co_await let_others_run(r);
        EXPECT_EQ(out.size(), 3U);
        q.give_back(1, 1);
        co_await scope.join();
        EXPECT_EQ(out.size(), 4U);
        q.give_back(1, 1);
    }(reactor, queue));
}

TEST_P(FairQueueTest, FlowsThatEndedAreForgotten) {
    FairQueue queue(reactor, 4);
    EXPECT_TRUE(queue.try_take(kOne, 1));
    for (std::uint64_t id = 2; id < 20'000; ++id) {
        ASSERT_TRUE(queue.try_take({.id = id, .weight = id % 2 == 0 ? 16 : 1.0 / 16}, 3));
        queue.give_back(id, 3);
        ASSERT_LE(queue.flows_known(), 1 + FairQueue::kIdleMax);
    }
    queue.give_back(1, 1);
}

}  // namespace
}  // namespace io
