// Who may send now, on a clock that the test owns: rates, places, and whose turn it is.
#include "s3client/traffic/admission.h"

#include <gtest/gtest.h>
#include <map>

#include "io/task_scope.h"

namespace s3client {
namespace {

using io::Flow;

// Waits end when the clock says so, which moves on by itself whenever all wait for it.
class SteppedClock final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return now; }
    base::UtcTime utc_now() override { return {}; }
    base::SteadyTime now{std::chrono::hours(1)};
};

class AdmissionTest : public testing::Test {
  protected:
    static constexpr base::Duration kStep = std::chrono::milliseconds(1);

    // Asks for a place again and again, and keeps each for `held` steps.
    io::Task<void> ask(Admission& admission, Flow flow, RateClass what, int held) {
        while (!stop_) {
            auto permit = co_await admission.enter("host", what, flow, &cancel_);
            if (!permit) co_return;
            ++entered_[flow.id];
            most_[flow.id] = std::max(most_[flow.id], ++under_way_[flow.id]);
            co_await wait(held);
            --under_way_[flow.id];
        }
    }
    io::Task<void> wait(int steps) {
        const int until = step_ + steps;
        while (step_ < until) static_cast<void>(co_await stepped_.wait({}));
    }
    io::Task<bool> pass(int steps) {
        for (int i = 0; i < steps; ++i) {
            ++step_;
            clock_.now += kStep;
            stepped_.notify_all();
            for (int k = 0; k < 4; ++k) co_await reactor_.sleep(base::Duration::zero());
        }
        co_return true;
    }
    io::Task<bool> finish() {
        stop_ = true;
        cancel_.cancel();
        while (scope_.running() > 0) co_await pass(1);
        co_await scope_.join();
        co_return true;
    }
    void spawn(Admission& admission, Flow flow, int count, int held = 1,
               RateClass what = RateClass::read) {
        for (int i = 0; i < count; ++i) scope_.spawn(ask(admission, flow, what, held));
    }
    void steps(int count) { reactor_.run_until_done(pass(count)); }
    void end() { reactor_.run_until_done(finish()); }
    void TearDown() override { EXPECT_TRUE(stop_); }

    SteppedClock clock_;
    io::Reactor reactor_{*io::make_backend(io::BackendChoice::epoll), clock_};
    io::TaskScope scope_{reactor_};
    io::Condition stepped_{reactor_};
    io::CancelSource cancel_;
    int step_ = 0;
    bool stop_ = false;
    std::map<std::uint64_t, int> entered_, under_way_, most_;
};

TEST_F(AdmissionTest, PlacesAreSharedByFlowsNotByLengthOfLines) {
    Admission admission(reactor_, 16);
    spawn(admission, {.id = 1}, 200, 3);
    steps(20);
    spawn(admission, {.id = 2}, 20, 3);
    steps(5);
    entered_.clear();
    steps(100);
    EXPECT_NEAR(entered_[1], entered_[2], entered_[1] / 10);
    EXPECT_EQ(admission.under_way(), 16U);
    end();
    EXPECT_EQ(admission.under_way(), 0U);
}

// Slow requests (large ranges) do not keep the places from quick ones.
TEST_F(AdmissionTest, HalfOfThePlacesAreKeptByQuickRequestsBesideSlowOnes) {
    Admission admission(reactor_, 16);
    spawn(admission, {.id = 1}, 100, 50);
    steps(100);
    spawn(admission, {.id = 2}, 20, 1);
    steps(60);
    entered_.clear();
    steps(100);
    EXPECT_GE(entered_[2], 7 * 100 / 2);  // each place is used every step or two
    EXPECT_GE(entered_[1], 8);
    end();
}

TEST_F(AdmissionTest, WritesOfAnyFlowGoBeforeReads) {
    Admission admission(reactor_, 1);
    spawn(admission, {.id = 1}, 5, 10);
    steps(1);
    spawn(admission, {.id = 2}, 3, 1, RateClass::write);
    steps(5);
    entered_.clear();
    steps(30);
    EXPECT_LE(entered_[1], 1);
    EXPECT_GE(entered_[2], 10);
    end();
}

TEST_F(AdmissionTest, AFlowHasNoMoreUnderWayThanItsBudget) {
    Admission admission(reactor_, 16, {.flow_requests_max = 3});
    spawn(admission, {.id = 1}, 20, 2);
    spawn(admission, {.id = 0}, 5, 2);
    steps(50);
    EXPECT_EQ(most_[1], 3);
    EXPECT_EQ(most_[0], 5);  // nobody's flow has no budget of its own
    EXPECT_FALSE(admission.try_enter("host", RateClass::read, {.id = 1}));
    EXPECT_TRUE(admission.try_enter("host", RateClass::read, {.id = 2}));
    end();
}

TEST_F(AdmissionTest, KeepsTheRateOfAllAndSharesIt) {
    Admission admission(reactor_, 16, {.requests_per_second = 100});
    spawn(admission, {.id = 1}, 50);
    spawn(admission, {.id = 2}, 5);
    steps(2'000);
    EXPECT_NEAR(entered_[1] + entered_[2], 200, 6);
    EXPECT_NEAR(entered_[1], entered_[2], 6);
    end();
}

TEST_F(AdmissionTest, ARateBelowOneASecondIsKeptToo) {
    Admission admission(reactor_, 16, {.requests_per_second = 0.5});
    spawn(admission, {.id = 1}, 3);
    steps(7'000);
    EXPECT_EQ(entered_[1], 4);  // one at once
    end();
}

TEST_F(AdmissionTest, KeepsTheRateOfAFlowWhichHoldsBackNobodyElse) {
    Admission admission(reactor_, 16, {.flow_requests_per_second = 10});
    spawn(admission, {.id = 1}, 50);
    steps(10);
    spawn(admission, {.id = 2}, 1);
    spawn(admission, {.id = 0}, 2);
    steps(2'000);
    EXPECT_NEAR(entered_[1], 20, 2);
    EXPECT_NEAR(entered_[2], 20, 2);
    EXPECT_GE(entered_[0], 1'000);
    end();
}

TEST_F(AdmissionTest, WhatIsTriedOnlyTakesNoTurnWhenItCannotGo) {
    Admission admission(reactor_, 1, {.requests_per_second = 10, .flow_requests_per_second = 10});
    EXPECT_TRUE(admission.try_enter("host", RateClass::read, {.id = 1}));
    for (int i = 0; i < 5; ++i)
        EXPECT_FALSE(admission.try_enter("host", RateClass::read, {.id = 2}));
    steps(101);
    EXPECT_TRUE(admission.try_enter("host", RateClass::read, {.id = 2}));  // its own turn is left
    EXPECT_EQ(admission.under_way(), 0U);
    end();
}

// The line for the rate that S3 takes.
TEST_F(AdmissionTest, AThrottledEndpointsTurnsAreSharedToo) {
    Admission admission(reactor_, 64);
    spawn(admission, {.id = 1}, 60);
    steps(200);
    admission.on_throttled("host", RateClass::read);
    spawn(admission, {.id = 2}, 6);
    steps(50);
    entered_.clear();
    steps(500);
    EXPECT_GT(entered_[2], 20);
    EXPECT_NEAR(entered_[1], entered_[2], 5);
    end();
}

TEST_F(AdmissionTest, WhoGivesUpInALineLeavesItToTheOthers) {
    Admission admission(reactor_, 16, {.requests_per_second = 10});
    io::CancelSource first;
    bool gave_up = false;
    scope_.spawn([](Admission& a, io::CancelSource& c, bool& out) -> io::Task<void> {
        static_cast<void>(co_await a.enter("host", RateClass::read, {.id = 1}, nullptr));
        out = !co_await a.enter("host", RateClass::read, {.id = 1}, &c);
    }(admission, first, gave_up));
    steps(5);
    spawn(admission, {.id = 2}, 1);
    steps(5);
    first.cancel();
    steps(5);
    EXPECT_TRUE(gave_up);
    EXPECT_EQ(entered_[2], 0);
    steps(100);
    EXPECT_EQ(entered_[2], 1);
    end();
}

TEST_F(AdmissionTest, FlowsThatEndedLeaveNothingBehind) {
    Admission admission(reactor_, 16, {.flow_requests_per_second = 1'000});
    for (std::uint64_t id = 1; id <= 20'000; ++id) {
        ASSERT_TRUE(admission.try_enter("host", RateClass::read, {.id = id}));
        if (id % 100 == 0) clock_.now += kStep;
    }
    EXPECT_LE(admission.flows_known(), 3'000U);
    end();
}

}  // namespace
}  // namespace s3client
