// What FairQueue gives to whom in the long run, in a simulation that counts steps instead of time.
#include <gtest/gtest.h>
#include <algorithm>
#include <map>

#include "base/random.h"
#include "io/fair_queue.h"
#include "io/sync.h"
#include "io/task_scope.h"
#include "on_backends.h"

namespace io {
namespace {

// Takes units again and again, and holds them for some steps each time.
struct Work {
    Flow flow;
    std::uint64_t units = 1;
    std::uint64_t steps_min = 1, steps_max = 1;
    std::uint64_t times = ~0ULL;  // in all
    std::size_t at_once = 1;
};

class Simulation {
  public:
    Simulation(Reactor& reactor, std::uint64_t units, FairQueue::Bound bound = {})
        : reactor_(reactor), queue_(reactor, units, bound), stepped_(reactor) {}
    ~Simulation() { CHECK(queue_.taken() == 0); }

    void add(const Work& work) {
        left_[work.flow.id] = work.times;
        for (std::size_t i = 0; i < work.at_once; ++i) scope_.spawn(run(work));
    }
    void stop(std::uint64_t flow) { left_[flow] = 0; }
    Task<void> steps(std::uint64_t count) {
        for (const std::uint64_t until = now_ + count; now_ < until;) {
            ++now_;
            stepped_.notify_all();
            co_await let_others_run(reactor_);
        }
    }
    // Steps until all that this flow had to do is done.
    Task<std::uint64_t> steps_until_done(std::uint64_t flow) {
        const std::uint64_t began = now_;
        while (left_[flow] > 0 || held_[flow] > 0) co_await steps(1);
        co_return now_ - began;
    }
    Task<void> end() {
        for (auto& [flow, left] : left_) left = 0;
        while (running_ > 0) co_await steps(1);
        co_await scope_.join();
    }
    std::uint64_t served(std::uint64_t flow) { return served_[flow]; }
    std::uint64_t held(std::uint64_t flow) { return held_[flow]; }
    void forget() { served_.clear(); }

  private:
    Task<void> run(Work work) {
        ++running_;
        while (left_[work.flow.id] > 0) {
            if (work.times != ~0ULL) --left_[work.flow.id];
            EXPECT_TRUE(co_await queue_.take(work.flow, work.units, {}));
            held_[work.flow.id] += work.units;
            const std::uint64_t spread = work.steps_max - work.steps_min + 1;
            const std::uint64_t until = now_ + work.steps_min + random_.below(spread);
            while (now_ < until) static_cast<void>(co_await stepped_.wait({}));
            held_[work.flow.id] -= work.units;
            served_[work.flow.id] += work.units;
            queue_.give_back(work.flow.id, work.units);
        }
        --running_;
    }

    Reactor& reactor_;
    FairQueue queue_;
    Condition stepped_;
    base::Random random_{7};
    std::uint64_t now_ = 0;
    std::size_t running_ = 0;
    std::map<std::uint64_t, std::uint64_t> left_, held_, served_;
    TaskScope scope_{reactor_};
};

class FairSharesTest : public OnBackends {};
ON_BACKENDS(FairSharesTest);

TEST_P(FairSharesTest, FiftyEqualFlowsProceedAlike) {
    Simulation sim(reactor, 128);
    run([](Simulation& s) -> Task<void> {
        for (std::uint64_t id = 1; id <= 50; ++id)
            s.add({.flow = {.id = id}, .units = 32, .steps_min = 2, .steps_max = 8, .at_once = 5});
        co_await s.steps(3'000);
        std::uint64_t least = ~0ULL, most = 0;
        for (std::uint64_t id = 1; id <= 50; ++id) {
            least = std::min(least, s.served(id));
            most = std::max(most, s.served(id));
        }
        EXPECT_GT(least, 0U);
        EXPECT_LE(static_cast<double>(most), 1.1 * static_cast<double>(least));
        co_await s.end();
    }(sim));
}

// 16 to 1 is what priorities 100 and 0 make.
TEST_P(FairSharesTest, GoesByWeight) {
    for (const double weight : {2.0, 4.0, 16.0}) {
        for (const std::uint64_t units : {1, 32}) {
            Simulation sim(reactor, units == 1 ? 48 : 128);
            run([](Simulation& s, double w, std::uint64_t u) -> Task<void> {
                s.add({.flow = {.id = 1, .weight = w}, .units = u, .steps_max = 3, .at_once = 60});
                s.add({.flow = {.id = 2}, .units = u, .steps_max = 3, .at_once = 60});
                co_await s.steps(1'000);
                const double ratio =
                    static_cast<double>(s.served(1)) / static_cast<double>(s.served(2));
                EXPECT_NEAR(ratio / w, 1, 0.25) << w << " to 1, " << u << " units each";
                co_await s.end();
            }(sim, weight, units));
        }
    }
}

// What a big job holds comes back part by part; a newcomer has its half of it when half has come
// back, and keeps it however slow the big one is.
TEST_P(FairSharesTest, ANewcomerHasItsHalfOnceHalfHasComeBack) {
    Simulation sim(reactor, 128);
    run([](Simulation& s) -> Task<void> {
        const Work big{
            .flow = {.id = 1}, .units = 32, .steps_min = 10, .steps_max = 10, .at_once = 5};
        s.add(big);
        co_await s.steps(95);
        EXPECT_EQ(s.held(1), 128U);
        s.add({.flow = {.id = 2}, .units = 32, .steps_min = 3, .steps_max = 3, .at_once = 5});
        co_await s.steps(11);
        EXPECT_EQ(s.held(1), 64U);
        EXPECT_EQ(s.held(2), 64U);
        for (int i = 0; i < 100; ++i) {
            co_await s.steps(1);
            EXPECT_LE(s.held(1), 64U);
        }
        // Nothing idles when the newcomer is gone.
        s.stop(2);
        co_await s.steps(20);
        EXPECT_EQ(s.held(1), 128U);
        co_await s.end();
    }(sim));
}

TEST_P(FairSharesTest, ASmallJobOfFastPartsEndsSoonBesideABigOneOfSlowParts) {
    Simulation sim(reactor, 128);
    run([](Simulation& s) -> Task<void> {
        const Work small{.flow = {.id = 2},
                         .units = 32,
                         .steps_min = 5,
                         .steps_max = 5,
                         .times = 16,
                         .at_once = 5};
        s.add(small);
        const std::uint64_t alone = co_await s.steps_until_done(2);
        s.add({.flow = {.id = 1}, .units = 32, .steps_min = 10, .steps_max = 30, .at_once = 5});
        co_await s.steps(200);
        s.add(small);
        const std::uint64_t beside = co_await s.steps_until_done(2);
        EXPECT_LE(beside, 3 * alone) << "alone " << alone;
        co_await s.end();
    }(sim));
}

TEST_P(FairSharesTest, ThePastEarnsNothing) {
    Simulation sim(reactor, 4);
    run([](Simulation& s) -> Task<void> {
        s.add({.flow = {.id = 1}, .times = 2, .at_once = 2});
        s.add({.flow = {.id = 2}, .at_once = 8});
        co_await s.steps(2'000);  // 1 has rested nearly all of the time
        s.forget();
        s.add({.flow = {.id = 1}, .at_once = 8});
        s.add({.flow = {.id = 3}, .at_once = 8});
        co_await s.steps(100);
        for (const std::uint64_t id : {1, 2, 3}) EXPECT_NEAR(s.served(id), 133, 15) << id;
        co_await s.end();
    }(sim));
}

// Though it stood back for long: neither then nor once others come does it make up for that.
TEST_P(FairSharesTest, SlowWorkDoesNotCrowdOutManyOthers) {
    Simulation sim(reactor, 4);
    run([](Simulation& s) -> Task<void> {
        s.add({.flow = {.id = 1}, .steps_min = 30, .steps_max = 30, .at_once = 8});
        s.add({.flow = {.id = 2}, .at_once = 8});
        co_await s.steps(1'000);
        EXPECT_NEAR(s.served(2), 2'000, 200);
        s.forget();
        for (const std::uint64_t id : {3, 4, 5, 6, 7, 8, 9})
            s.add({.flow = {.id = id}, .at_once = 8});
        co_await s.steps(400);  // one of four is left to the slow one
        for (std::uint64_t id = 2; id <= 9; ++id) EXPECT_NEAR(s.served(id), 150, 20) << id;
        EXPECT_GE(s.served(1), 12U);
        co_await s.end();
    }(sim));
}

// Who was there a little sooner, and took all there is, waits until the others have had as much.
TEST_P(FairSharesTest, TheFirstOfManyHasNoLead) {
    Simulation sim(reactor, 128);
    run([](Simulation& s) -> Task<void> {
        for (std::uint64_t id = 1; id <= 20; ++id) {
            s.add({.flow = {.id = id}, .units = 32, .steps_min = 9, .steps_max = 9, .at_once = 5});
        }
        co_await s.steps(1);
        EXPECT_EQ(s.held(1), 128U);
        co_await s.steps(20 * 9 + 8);
        for (std::uint64_t id = 1; id <= 20; ++id) EXPECT_NEAR(s.served(id), 128, 32) << id;
        co_await s.end();
    }(sim));
}

TEST_P(FairSharesTest, APartThatNeedsNearlyAllIsServedInTheEnd) {
    Simulation sim(reactor, 128);
    run([](Simulation& s) -> Task<void> {
        for (std::uint64_t id = 1; id <= 20; ++id)
            s.add({.flow = {.id = id}, .units = 8, .steps_min = 1, .steps_max = 9, .at_once = 9});
        co_await s.steps(50);
        s.add({.flow = {.id = 99, .weight = 1.0 / 16}, .units = 120, .times = 3});
        EXPECT_LT(co_await s.steps_until_done(99), 2'000U);
        co_await s.end();
    }(sim));
}

// Its parts take a hundred times as long: with a spare the small one need not wait for them.
TEST_P(FairSharesTest, WithASpareASmallJobDoesNotWaitForSlowParts) {
    Simulation sim(reactor, 128, {.spare_units = 25});
    run([](Simulation& s) -> Task<void> {
        const Work small{.flow = {.id = 2},
                         .units = 25,
                         .steps_min = 5,
                         .steps_max = 5,
                         .times = 4,
                         .at_once = 5};
        s.add(small);
        EXPECT_LE(co_await s.steps_until_done(2), 6U);
        s.add({.flow = {.id = 1}, .units = 25, .steps_min = 500, .steps_max = 500, .at_once = 5});
        co_await s.steps(900);
        EXPECT_EQ(s.held(1), 100U);
        s.add(small);
        EXPECT_LE(co_await s.steps_until_done(2), 21U);  // one part after the other
        co_await s.end();
    }(sim));
}

// Of many none holds anything for long: then the spare is used like the rest.
TEST_P(FairSharesTest, ManyUseTheSpareToo) {
    Simulation sim(reactor, 125, {.spare_units = 25});
    run([](Simulation& s) -> Task<void> {
        for (std::uint64_t id = 1; id <= 20; ++id)
            s.add({.flow = {.id = id}, .units = 25, .steps_min = 4, .steps_max = 6, .at_once = 5});
        co_await s.steps(1'000);
        std::uint64_t sum = 0;
        for (std::uint64_t id = 1; id <= 20; ++id) sum += s.served(id);
        EXPECT_GT(sum, 125U * 1'000 / 5 * 9 / 10);
        co_await s.end();
    }(sim));
}

// One after the other, each with a single small wish: none of them is the past of another.
TEST_P(FairSharesTest, AnEndlessStreamOfNewcomersDoesNotStarveAnybody) {
    Simulation sim(reactor, 8);
    run([](Simulation& s) -> Task<void> {
        s.add({.flow = {.id = 1}, .units = 6, .times = 5, .at_once = 2});
        std::uint64_t id = 2;
        for (int i = 0; i < 400 && s.served(1) < 30; ++i) {
            for (int k = 0; k < 7; ++k) s.add({.flow = {.id = id++}, .units = 1, .times = 1});
            co_await s.steps(1);
        }
        EXPECT_EQ(s.served(1), 30U);
        co_await s.end();
    }(sim));
}

TEST_P(FairSharesTest, ABoundedFlowLeavesTheRestToOthers) {
    Simulation sim(reactor, 128, {.flow_units_max = 32});
    run([](Simulation& s) -> Task<void> {
        s.add({.flow = {.id = 1}, .units = 10, .steps_max = 4, .at_once = 9});
        s.add({.flow = {.id = 2}, .units = 64, .steps_max = 4, .at_once = 9});
        for (int i = 0; i < 200; ++i) {
            co_await s.steps(1);
            EXPECT_LE(s.held(1), 32U);
            EXPECT_LE(s.held(2), 64U);
        }
        EXPECT_GT(s.served(1), 200U);
        EXPECT_GT(s.served(2), 200U);
        co_await s.end();
    }(sim));
}

}  // namespace
}  // namespace io
