#include "io/sync.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <functional>

#include "io/task_scope.h"
#include "on_backends.h"

namespace io {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;

class SemaphoreTest : public OnBackends {};
class ConditionTest : public OnBackends {};
ON_BACKENDS(SemaphoreTest);
ON_BACKENDS(ConditionTest);

Bounds idle(base::Duration timeout) {
    Bounds bounds;
    bounds.idle_timeout = timeout;
    return bounds;
}

Bounds unless(CancelSource& cancel) {
    Bounds bounds;
    bounds.cancel = &cancel;
    return bounds;
}

// What happened, in order: the id of who got its units, or minus the id of who did not.
using Trace = std::vector<int>;

Task<void> take(Semaphore& semaphore, std::uint64_t units, int id, Bounds bounds, Trace& trace) {
    const auto got = co_await semaphore.acquire(units, bounds);
    trace.push_back(got ? id : -id);
}

TEST_P(SemaphoreTest, CountsUnits) {
    Semaphore semaphore(reactor, 10);
    EXPECT_TRUE(semaphore.try_acquire(4));
    EXPECT_FALSE(semaphore.try_acquire(7));
    EXPECT_TRUE(semaphore.try_acquire(6));
    EXPECT_EQ(semaphore.free_units(), 0u);
    semaphore.release(10);
    EXPECT_EQ(semaphore.free_units(), 10u);
    EXPECT_TRUE(reactor.run_until_done(semaphore.acquire(10, {})));
}

TEST_P(SemaphoreTest, ABigRequestAtTheFrontHoldsBackSmallOnes) {
    Semaphore semaphore(reactor, 10);
    Trace trace;
    run([](Reactor& r, Semaphore& s, Trace& out) -> Task<void> {
        EXPECT_TRUE(s.try_acquire(5));
        TaskScope scope(r);
        scope.spawn(take(s, 8, 1, {}, out));
        scope.spawn(take(s, 1, 2, {}, out));  // would fit, but is behind
        scope.spawn(take(s, 1, 3, {}, out));
        co_await let_others_run(r);
        EXPECT_TRUE(out.empty());
        EXPECT_TRUE(s.contended());
        EXPECT_FALSE(s.try_acquire(1));  // nor may who comes later pass it
        s.release(3);
        EXPECT_EQ(s.free_units(), 0u);  // taken in the waiter's name at once
        co_await let_others_run(r);
        EXPECT_EQ(out, Trace{1});
        s.release(8);
        co_await scope.join();
        EXPECT_EQ(out, (Trace{1, 2, 3}));
        EXPECT_EQ(s.free_units(), 6u);
    }(reactor, semaphore, trace));
}

TEST_P(SemaphoreTest, ServesInTheOrderOfArrival) {
    Semaphore semaphore(reactor, 1);
    Trace trace, expected;
    for (int id = 1; id <= 100; ++id) expected.push_back(id);
    run([](Reactor& r, Semaphore& s, Trace& out) -> Task<void> {
        EXPECT_TRUE(s.try_acquire(1));
        TaskScope scope(r);
        for (int id = 1; id <= 100; ++id) scope.spawn(take(s, 1, id, {}, out));
        while (scope.running() != 0) {
            co_await let_others_run(r);
            s.release(1);
        }
        co_await scope.join();
    }(reactor, semaphore, trace));
    EXPECT_EQ(trace, expected);
}

TEST_P(SemaphoreTest, TheFrontWaitersTimeoutLetsTheNextOnesIn) {
    Semaphore semaphore(reactor, 10);
    Trace trace;
    run([](Reactor& r, Semaphore& s, Trace& out) -> Task<void> {
        EXPECT_TRUE(s.try_acquire(5));
        TaskScope scope(r);
        scope.spawn(take(s, 8, 1, idle(20ms), out));
        scope.spawn(take(s, 2, 2, {}, out));
        scope.spawn(take(s, 3, 3, {}, out));
        co_await scope.join();
    }(reactor, semaphore, trace));
    EXPECT_EQ(trace, (Trace{-1, 2, 3}));
    EXPECT_EQ(semaphore.free_units(), 0u);
}

TEST_P(SemaphoreTest, CancelTakesWaitersOutFromAnywhereInTheQueue) {
    Semaphore semaphore(reactor, 10);
    Trace trace;
    run([](Reactor& r, Semaphore& s, Trace& out) -> Task<void> {
        CancelSource front, middle;
        EXPECT_TRUE(s.try_acquire(10));
        TaskScope scope(r);
        scope.spawn(take(s, 8, 1, unless(front), out));
        scope.spawn(take(s, 2, 2, {}, out));
        scope.spawn(take(s, 9, 3, unless(middle), out));
        scope.spawn(take(s, 3, 4, {}, out));
        scope.spawn(take(s, 10, 5, unless(middle), out));
        co_await let_others_run(r);
        middle.cancel();
        co_await let_others_run(r);
        EXPECT_EQ(out.size(), 2u);  // 3 and 5, in either order
        s.release(5);
        co_await let_others_run(r);
        EXPECT_EQ(out.size(), 2u);
        front.cancel();
        co_await scope.join();
        std::sort(out.begin(), out.end());
        EXPECT_EQ(out, (Trace{-5, -3, -1, 2, 4}));
        EXPECT_EQ(s.free_units(), 0u);
    }(reactor, semaphore, trace));
}

TEST_P(SemaphoreTest, CancelledBeforehandGetsNothing) {
    Semaphore semaphore(reactor, 1);
    CancelSource cancel;
    cancel.cancel();
    const auto got = reactor.run_until_done(semaphore.acquire(1, unless(cancel)));
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().kind, ErrorKind::cancelled);
    EXPECT_EQ(semaphore.free_units(), 1u);
}

// The units were given in its name before it was cancelled, so it has them, and they are counted.
TEST_P(SemaphoreTest, CancelAfterTheGrantChangesNothing) {
    Semaphore semaphore(reactor, 1);
    Trace trace;
    run([](Reactor& r, Semaphore& s, Trace& out) -> Task<void> {
        CancelSource cancel;
        EXPECT_TRUE(s.try_acquire(1));
        TaskScope scope(r);
        scope.spawn(take(s, 1, 1, unless(cancel), out));
        co_await let_others_run(r);
        s.release(1);
        cancel.cancel();
        co_await scope.join();
    }(reactor, semaphore, trace));
    EXPECT_EQ(trace, Trace{1});
    EXPECT_EQ(semaphore.free_units(), 0u);
}

Task<void> await_change(Condition& condition, Bounds bounds, int id, Trace& trace) {
    const base::Status changed = co_await condition.wait(bounds);
    trace.push_back(changed ? id : -id);
    if (!changed)
        EXPECT_EQ(changed.error().code, bounds.cancel != nullptr ? "cancelled" : "timeout");
}

TEST_P(ConditionTest, WakesAllInOrderOnceEach) {
    Condition condition(reactor);
    Trace trace;
    run([](Reactor& r, Condition& c, Trace& out) -> Task<void> {
        TaskScope scope(r);
        c.notify_all();  // nobody waits: nothing is remembered
        for (int id = 1; id <= 3; ++id) scope.spawn(await_change(c, {}, id, out));
        co_await let_others_run(r);
        EXPECT_TRUE(out.empty());
        c.notify_all();
        c.notify_all();
        EXPECT_TRUE(out.empty());  // nobody is resumed inside notify_all()
        co_await scope.join();
    }(reactor, condition, trace));
    EXPECT_EQ(trace, (Trace{1, 2, 3}));
}

TEST_P(ConditionTest, WaitsHaveBounds) {
    Condition condition(reactor);
    Trace trace;
    run([](Reactor& r, Condition& c, Trace& out) -> Task<void> {
        CancelSource cancel;
        TaskScope scope(r);
        scope.spawn(await_change(c, idle(10ms), 1, out));
        scope.spawn(await_change(c, unless(cancel), 2, out));
        scope.spawn(await_change(c, {}, 3, out));
        while (out.empty()) co_await let_others_run(r);
        EXPECT_EQ(out, Trace{-1});
        cancel.cancel();
        co_await let_others_run(r);
        EXPECT_EQ(out, (Trace{-1, -2}));
        c.notify_all();
        co_await scope.join();
        EXPECT_EQ(out, (Trace{-1, -2, 3}));
    }(reactor, condition, trace));
}

struct Hook final : CancelHook {
    std::function<void()> call;
    void on_cancel() override { call(); }
};

TEST(CancelSourceTest, AsksEachHookOnceAlsoWhenOneOfThemUnhooksAnother) {
    CancelSource cancel;
    int asked = 0;
    Hook a, b, c;
    a.call = [&] { ++asked; };
    b.call = a.call;
    c.call = [&] {  // hooked last, asked first
        ++asked;
        a.unhook();
        cancel.cancel();  // from within: the rest is asked by the inner call
    };
    cancel.hook(a);
    cancel.hook(b);
    cancel.hook(c);
    EXPECT_FALSE(cancel.cancelled());
    cancel.cancel();
    EXPECT_TRUE(cancel.cancelled());
    EXPECT_EQ(asked, 2);
    cancel.cancel();
    EXPECT_EQ(asked, 2);
}

TEST(CancelSourceTest, AHookThatLeavesIsNotAsked) {
    CancelSource cancel;
    int asked = 0;
    Hook stays;
    stays.call = [&] { ++asked; };
    {
        Hook first, last;
        cancel.hook(first);
        cancel.hook(stays);
        cancel.hook(last);
    }
    cancel.cancel();
    EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace io
