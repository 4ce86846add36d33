#include "io/reactor.h"

#include <gtest/gtest.h>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "base/random.h"
#include "io/task_scope.h"
#include "io/timers.h"
#include "io/worker_thread.h"
#include "on_backends.h"

namespace io {
namespace {

using namespace std::chrono_literals;

class ReactorTest : public OnBackends {};
class WorkerThreadTest : public OnBackends {};
ON_BACKENDS(ReactorTest);
ON_BACKENDS(WorkerThreadTest);

struct Recorder final : Timer {
    void on_timer() override { fired->push_back(id); }
    int id = 0;
    std::vector<int>* fired = nullptr;
};

TEST(TimerHeapTest, FiresWhatIsDueInOrder) {
    TimerHeap heap;
    std::vector<int> fired;
    std::array<Recorder, 5> timers;
    const base::SteadyTime start{};
    const std::array<int, 5> due_ms = {30, 10, 50, 20, 40};
    for (std::size_t i = 0; i < timers.size(); ++i) {
        timers[i].id = due_ms[i];
        timers[i].fired = &fired;
        heap.arm(timers[i], start + std::chrono::milliseconds(due_ms[i]));
    }
    EXPECT_EQ(heap.next_due(), start + 10ms);
    heap.fire(start + 9ms);
    EXPECT_TRUE(fired.empty());
    heap.fire(start + 30ms);
    EXPECT_EQ(fired, (std::vector<int>{10, 20, 30}));
    EXPECT_FALSE(timers[0].armed());
    heap.disarm(timers[4]);
    heap.disarm(timers[4]);  // a second time does nothing
    heap.fire(start + 1h);
    EXPECT_EQ(fired, (std::vector<int>{10, 20, 30, 50}));
    EXPECT_TRUE(heap.empty());
}

// 10,000 random arms, disarms and firings against an ordered set.
TEST(TimerHeapTest, AgreesWithAReference) {
    base::Random random(20261120);
    std::vector<int> fired;
    std::vector<Recorder> timers(300);
    std::vector<std::int64_t> due(timers.size());
    std::set<std::pair<std::int64_t, int>> reference;
    TimerHeap heap;
    for (std::size_t i = 0; i < timers.size(); ++i) {
        timers[i].id = static_cast<int>(i);
        timers[i].fired = &fired;
    }
    const auto at = [](std::int64_t t) { return base::SteadyTime(base::Duration(t)); };
    std::int64_t now = 0;
    for (int step = 0; step < 10'000; ++step) {
        const std::size_t i = random.below(timers.size());
        if (random.below(20) == 0) {
            now += static_cast<std::int64_t>(random.below(200));
            fired.clear();
            heap.fire(at(now));
            std::set<std::pair<std::int64_t, int>> gone;
            for (std::size_t k = 0; k < fired.size(); ++k) {
                const auto id = static_cast<std::size_t>(fired[k]);
                if (k > 0) EXPECT_LE(due[static_cast<std::size_t>(fired[k - 1])], due[id]);
                gone.insert({due[id], fired[k]});
            }
            const auto end = reference.upper_bound({now, INT32_MAX});
            EXPECT_TRUE(gone == decltype(gone)(reference.begin(), end)) << "step " << step;
            reference.erase(reference.begin(), end);
        } else if (timers[i].armed()) {
            heap.disarm(timers[i]);
            reference.erase({due[i], timers[i].id});
        } else {
            due[i] = now + static_cast<std::int64_t>(random.below(1000));
            heap.arm(timers[i], at(due[i]));
            reference.insert({due[i], timers[i].id});
        }
        ASSERT_EQ(heap.empty(), reference.empty());
        if (!reference.empty())
            ASSERT_EQ(heap.next_due(), at(reference.begin()->first)) << "step " << step;
    }
    for (Recorder& timer : timers) heap.disarm(timer);
}

TEST_P(ReactorTest, SleepsAtLeastAsLongAsAsked) {
    run([](Reactor& r) -> Task<void> {
        for (const base::Duration duration :
             {base::Duration(0), base::Duration(1), base::Duration(5ms)}) {
            const auto begin = r.now();
            EXPECT_TRUE(co_await r.sleep(duration));
            EXPECT_GE(r.now() - begin, duration);
        }
    }(reactor));
}

Task<void> sleep_then(Reactor& reactor, base::Duration duration, int id, std::vector<int>& order) {
    co_await reactor.sleep(duration);
    order.push_back(id);
}

TEST_P(ReactorTest, SleepersWakeInTheOrderOfTheirTimes) {
    std::vector<int> order;
    run([](Reactor& r, std::vector<int>& out) -> Task<void> {
        TaskScope scope(r);
        for (const int ms : {40, 10, 30, 20})
            scope.spawn(sleep_then(r, std::chrono::milliseconds(ms), ms, out));
        co_await scope.join();
    }(reactor, order));
    EXPECT_EQ(order, (std::vector<int>{10, 20, 30, 40}));
}

Task<void> sleep_unless(Reactor& reactor, base::Duration duration, CancelSource& cancel, int& slept,
                        int& woken) {
    ++(co_await reactor.sleep(duration, &cancel) ? slept : woken);
}

TEST_P(ReactorTest, CancelWakesSleepersAndStaysCancelled) {
    int slept = 0, woken = 0;
    run([](Reactor& r, int& slept_, int& woken_) -> Task<void> {
        CancelSource cancel;
        TaskScope scope(r);
        scope.spawn(sleep_unless(r, 0ms, cancel, slept_, woken_));
        scope.spawn(sleep_unless(r, 1h, cancel, slept_, woken_));
        // As long as can be said: the sum with now must not wrap around.
        scope.spawn(sleep_unless(r, base::Duration::max(), cancel, slept_, woken_));
        co_await let_others_run(r);
        EXPECT_EQ(scope.running(), 2u);
        cancel.cancel();
        EXPECT_EQ(woken_, 0);  // nobody is resumed inside cancel()
        co_await scope.join();
        EXPECT_FALSE(co_await r.sleep(1h, &cancel));
    }(reactor, slept, woken));
    EXPECT_EQ(slept, 1);
    EXPECT_EQ(woken, 2);
}

// What a message of one sender's says comes in its order, whatever the others do.
TEST_P(ReactorTest, MessagesOfOneSenderKeepTheirOrder) {
    constexpr int kSenders = 8, kMessages = 5'000;
    std::array<int, kSenders> next{};
    int total = 0;
    std::vector<std::thread> senders;
    for (int s = 0; s < kSenders; ++s) {
        senders.emplace_back([&, s] {
            for (int m = 0; m < kMessages; ++m) {
                reactor.post([&, s, m] {
                    EXPECT_EQ(next[static_cast<std::size_t>(s)], m);
                    ++next[static_cast<std::size_t>(s)];
                    if (++total == kSenders * kMessages) reactor.stop();
                });
            }
        });
    }
    reactor.run();
    for (std::thread& sender : senders) sender.join();
    EXPECT_EQ(total, kSenders * kMessages);
}

// Each sender waits for its answer before it asks again, so the reactor falls asleep between any
// two messages. A lost wake-up costs the second after which the loop looks around by itself; so do
// stalls of a machine that is busy or emulated, but not one message in a thousand.
TEST_P(ReactorTest, NoWakeUpIsLost) {
    constexpr int kSenders = 8, kRounds = 3'000;
    std::atomic<int> running{kSenders}, late{0};
    std::vector<std::thread> senders;
    for (int s = 0; s < kSenders; ++s) {
        senders.emplace_back([&] {
            std::atomic<int> answered{0};
            for (int round = 0; round < kRounds; ++round) {
                const auto begin = std::chrono::steady_clock::now();
                reactor.post([&answered] {
                    answered.fetch_add(1);
                    answered.notify_one();
                });
                answered.wait(round);
                if (std::chrono::steady_clock::now() - begin > 900ms) late.fetch_add(1);
            }
            if (running.fetch_sub(1) == 1) reactor.stop();
        });
    }
    reactor.run();
    for (std::thread& sender : senders) sender.join();
    EXPECT_LT(late.load(), kSenders * kRounds / 1'000);
}

TEST_P(ReactorTest, MessagesThatNeverRanAreDestroyed) {
    const auto held = std::make_shared<int>(1);
    {
        Reactor other(must(make_backend(GetParam())));
        for (int i = 0; i < 3; ++i) other.post([held] { ADD_FAILURE() << "nobody runs this"; });
        EXPECT_EQ(held.use_count(), 4);
    }
    EXPECT_EQ(held.use_count(), 1);
}

// A reactor may go as soon as run() has returned, though the one who stopped it is still inside
// stop() or post().
TEST_P(ReactorTest, MayDieWhileItsStopperReturns) {
    for (int i = 0; i < 300; ++i) {
        std::atomic<Reactor*> made{nullptr};
        std::thread thread([&] {
            Reactor other(must(make_backend(GetParam())));
            made.store(&other);
            made.notify_one();
            other.run();
        });
        made.wait(nullptr);
        Reactor* const other = made.load();
        if (i % 2 == 0) {
            other->stop();
        } else {
            other->post([other] { other->stop(); });
        }
        thread.join();
    }
}

TEST_P(ReactorTest, StopBeforeRunReturnsAtOnceAndOnlyOnce) {
    reactor.stop();
    reactor.run();
    int rounds = 0;
    reactor.post([&] {
        ++rounds;
        reactor.stop();
    });
    reactor.run();
    EXPECT_EQ(rounds, 1);
}

TEST_P(WorkerThreadTest, RunsElsewhereAndResumesHere) {
    WorkerThread worker;
    run([](Reactor& r, WorkerThread& w) -> Task<void> {
        const auto here = std::this_thread::get_id();
        const auto there = co_await w.run(r, [] { return std::this_thread::get_id(); });
        EXPECT_NE(there, here);
        EXPECT_EQ(std::this_thread::get_id(), here);
    }(reactor, worker));
}

Task<void> square(Reactor& reactor, WorkerThread& worker, int n, std::vector<int>& results) {
    const auto result = co_await worker.run(reactor, [n] { return std::make_unique<int>(n * n); });
    results.push_back(*result);
}

TEST_P(WorkerThreadTest, TakesManyCallsInOrder) {
    WorkerThread worker;
    std::vector<int> results;
    run([](Reactor& r, WorkerThread& w, std::vector<int>& out) -> Task<void> {
        TaskScope scope(r);
        for (int i = 0; i < 500; ++i) scope.spawn(square(r, w, i, out));
        co_await scope.join();
    }(reactor, worker, results));
    ASSERT_EQ(results.size(), 500u);
    for (int i = 0; i < 500; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], i * i);
}

// The reactor sleeps and wakes while a call takes its time.
TEST_P(WorkerThreadTest, DoesNotHoldUpTheReactor) {
    WorkerThread worker;
    run([](Reactor& r, WorkerThread& w) -> Task<void> {
        std::atomic<bool> go{false};
        std::vector<int> results;
        TaskScope scope(r);
        scope.spawn([](Reactor& r_, WorkerThread& w_, std::atomic<bool>& go_,
                       std::vector<int>& out) -> Task<void> {
            out.push_back(co_await w_.run(r_, [&go_] {
                go_.wait(false);
                return 1;
            }));
        }(r, w, go, results));
        for (int i = 0; i < 5; ++i) co_await r.sleep(1ms);
        EXPECT_TRUE(results.empty());
        go.store(true);
        go.notify_one();
        co_await scope.join();
        EXPECT_EQ(results, std::vector<int>{1});
    }(reactor, worker));
}

}  // namespace
}  // namespace io
