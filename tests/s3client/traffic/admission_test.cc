// Who may send now, on a clock that the test owns: rates, places, and whose turn it is.
#include "s3client/traffic/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/log.h"
#include "io/task_scope.h"
#include "s3client/traffic/turn_limit.h"

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
    io::Task<void> ask(Admission& admission, Flow flow, RateClass what, int held,
                       std::string bucket) {
        while (!stop_) {
            auto permit = co_await admission.enter({"host", bucket}, what, flow, {&cancel_});
            if (!permit) co_return;
            ++entered_[flow.id];
            most_[flow.id] = std::max(most_[flow.id], ++under_way_[flow.id]);
            co_await wait(held);
            --under_way_[flow.id];
            if (refusing_.contains(bucket)) {
                permit->refused();
                admission.on_throttled({"host", bucket}, what);
            }
        }
    }
    io::Task<void> be_refused(Admission& admission, std::string bucket) {
        const BucketAddress address{"host", std::move(bucket)};
        auto permit = co_await admission.enter(address, RateClass::read, {.id = 1}, {&cancel_});
        if (!permit) co_return;
        co_await wait(10);
        permit->refused();
    }
    // One request; what came of its wait, and how long that took.
    io::Task<void> ask_once(Admission& admission, Admission::Wait wait, base::Status& out,
                            base::Duration& took) {
        const base::SteadyTime began = clock_.now;
        auto permit = co_await admission.enter({"host", "bkt"}, RateClass::read, {.id = 7}, wait);
        out = permit ? base::Status{} : base::Status(std::unexpected(permit.error()));
        took = clock_.now - began;
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
               RateClass what = RateClass::read, const std::string& bucket = "bkt") {
        for (int i = 0; i < count; ++i) scope_.spawn(ask(admission, flow, what, held, bucket));
    }
    void steps(int count) { reactor_.run_until_done(pass(count)); }
    void end() { reactor_.run_until_done(finish()); }
    void SetUp() override { base::set_log_level(base::LogLevel::error); }
    void TearDown() override { EXPECT_TRUE(stop_); }

    SteppedClock clock_;
    io::Reactor reactor_{*io::make_backend(io::BackendChoice::epoll), clock_};
    io::TaskScope scope_{reactor_};
    io::Condition stepped_{reactor_};
    io::CancelSource cancel_;
    int step_ = 0;
    bool stop_ = false;
    std::map<std::uint64_t, int> entered_, under_way_, most_;
    std::set<std::string> refusing_;  // buckets that answer 503
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
    EXPECT_FALSE(admission.try_enter({"host", "bkt"}, RateClass::read, {.id = 1}));
    EXPECT_TRUE(admission.try_enter({"host", "bkt"}, RateClass::read, {.id = 2}));
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
    EXPECT_TRUE(admission.try_enter({"host", "bkt"}, RateClass::read, {.id = 1}));
    for (int i = 0; i < 5; ++i)
        EXPECT_FALSE(admission.try_enter({"host", "bkt"}, RateClass::read, {.id = 2}));
    steps(101);
    EXPECT_TRUE(
        admission.try_enter({"host", "bkt"}, RateClass::read, {.id = 2}));  // its own turn is left
    EXPECT_EQ(admission.under_way(), 0U);
    end();
}

// The line for the rate that S3 takes.
TEST_F(AdmissionTest, AThrottledEndpointsTurnsAreSharedToo) {
    Admission admission(reactor_, 64);
    spawn(admission, {.id = 1}, 60);
    steps(200);
    admission.on_throttled({"host", "bkt"}, RateClass::read);
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
        static_cast<void>(co_await a.enter({"host", "bkt"}, RateClass::read, {.id = 1}, {}));
        out = !co_await a.enter({"host", "bkt"}, RateClass::read, {.id = 1}, {&c});
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

TEST_F(AdmissionTest, ABucketThatRefusesEverythingSlowsNoOther) {
    Admission admission(reactor_, 16);
    spawn(admission, {.id = 2}, 8, 1, RateClass::read, "healthy");
    steps(500);
    const int alone = entered_[2];
    refusing_ = {"throttled"};
    spawn(admission, {.id = 1}, 200, 5, RateClass::read, "throttled");
    spawn(admission, {.id = 3}, 200, 5, RateClass::write, "throttled");
    steps(2'000);
    entered_.clear();
    steps(500);
    EXPECT_GE(entered_[2], alone * 9 / 10);
    EXPECT_GT(entered_[1] + entered_[3], 0) << "it is asked now and then";
    EXPECT_LE(under_way_[1] + under_way_[3], 2) << "those in line for a turn hold no place";
    end();
}

TEST_F(AdmissionTest, RefusalsDoNotChangeHowManyMayBeUnderWay) {
    Admission admission(reactor_, 256);
    refusing_ = {"bkt"};
    const unsigned before = admission.limit();
    for (int round = 0; round < 200; ++round) {  // windows of the limit, full of refusals
        for (int i = 0; i < 40; ++i) {
            scope_.spawn(be_refused(admission, "bucket " + std::to_string(round * 40 + i)));
        }
        steps(20);
    }
    EXPECT_EQ(admission.limit(), before);
    end();
}

// Many requests in one line at a bucket that is asked a few times a second.
class NoTurnTest : public AdmissionTest {
  protected:
    static constexpr std::size_t kRequests = 5'000;
    void queue_up(Admission::Wait wait) {
        for (Ended& each : ended_) scope_.spawn(ask_once(admission_, wait, each.status, each.took));
    }
    // Lets time pass at a bucket that goes on refusing; and answers some requests, if it `answers`.
    void refuse_for(base::Duration time, bool answers) {
        for (base::Duration passed{}; passed < time; passed += kRefusedEvery) {
            admission_.on_throttled(kBucket, RateClass::read);
            if (answers) admission_.on_answered(kBucket, RateClass::read);
            for (int i = 0; i < 20; ++i) {
                clock_.now += kRefusedEvery / 20;
                steps(1);
            }
        }
    }
    std::size_t count(bool with_error) const {
        return static_cast<std::size_t>(std::ranges::count_if(ended_, [&](const Ended& each) {
            return each.took != kWaits && each.status.has_value() != with_error;
        }));
    }

    static constexpr base::Duration kRefusedEvery = std::chrono::milliseconds(600);
    static constexpr base::Duration kWaits = base::Duration::max();
    inline static const BucketAddress kBucket{"host", "bkt"};
    struct Ended {
        base::Status status;
        base::Duration took = kWaits;
    };
    Admission admission_{reactor_, 64};
    std::vector<Ended> ended_ = std::vector<Ended>(kRequests);
};

TEST_F(NoTurnTest, ABucketThatOnlyRefuses) {
    refuse_for(std::chrono::seconds(2), false);
    queue_up({.since = clock_.now});
    refuse_for(kTurnSilenceMax - std::chrono::seconds(4), false);
    EXPECT_EQ(count(true), 0U);
    refuse_for(std::chrono::seconds(8), false);
    EXPECT_GT(count(false), 50U) << "it was asked now and then";
    EXPECT_EQ(count(false) + count(true), kRequests) << "nobody waits any longer";
    const auto failed =
        std::ranges::find_if(ended_, [](const Ended& each) { return !each.status.has_value(); });
    ASSERT_NE(failed, ended_.end());
    const base::Error& error = failed->status.error();
    EXPECT_EQ(error.code, kNoTurn);
    EXPECT_EQ(error.kind, base::ErrorKind::throttled);
    EXPECT_THAT(error.detail, testing::HasSubstr("throttled: no turn within 9"));
    EXPECT_THAT(error.detail, testing::HasSubstr("bucket bkt at host"));
    EXPECT_EQ(admission_.under_way(), 0U);
    end();
}

// A call that began long ago has used up that time already.
TEST_F(NoTurnTest, AnOldCallAtABucketThatOnlyRefuses) {
    refuse_for(std::chrono::seconds(60), false);
    queue_up({.since = clock_.now - std::chrono::hours(1)});
    refuse_for(std::chrono::seconds(20), false);
    EXPECT_EQ(count(true), 0U);
    refuse_for(std::chrono::seconds(15), false);
    EXPECT_EQ(count(false) + count(true), kRequests);
    end();
}

TEST_F(NoTurnTest, ABucketThatAnswersSomeIsWaitedForLonger) {
    refuse_for(std::chrono::seconds(2), true);
    queue_up({.since = clock_.now, .waited = kTurnWaitMax - std::chrono::seconds(150)});
    refuse_for(std::chrono::seconds(140), true);
    EXPECT_EQ(count(true), 0U);
    refuse_for(std::chrono::seconds(14), true);
    EXPECT_EQ(count(false) + count(true), kRequests) << "but not without end";
    end();
}

TEST_F(NoTurnTest, ItCanBeCancelled) {
    refuse_for(std::chrono::seconds(2), false);
    queue_up({.cancel = &cancel_});
    steps(5);
    cancel_.cancel();
    steps(5);
    EXPECT_EQ(count(false) + count(true), kRequests);
    EXPECT_EQ(ended_.back().status.error().code, "cancelled");
    end();
}

TEST_F(AdmissionTest, BucketsThatAreIdleAreForgotten) {
    Admission admission(reactor_, 16);
    for (int n = 0; n < 20'000; ++n) {
        const BucketAddress address{"host", std::to_string(n)};
        ASSERT_TRUE(admission.try_enter(address, RateClass::read, {.id = 1}));
        if (n % 2 == 0) admission.on_throttled(address, RateClass::write);
        clock_.now += kStep;
        ASSERT_LE(admission.buckets_known(), BucketTable::kBucketsMax);
    }
    end();
}

TEST_F(AdmissionTest, EachBucketHasARetryBudgetOfItsOwn) {
    Admission admission(reactor_, 16);
    RetryBudget& one = admission.retry_budget({"host", "one"});
    while (one.take(5)) {
    }
    EXPECT_LT(admission.retry_budget({"host", "one"}).tokens(), 5U);
    EXPECT_GE(admission.retry_budget({"host", "two"}).tokens(), 100U);
    EXPECT_GE(admission.retry_budget({"other", "one"}).tokens(), 100U);
    end();
}

TEST_F(AdmissionTest, FlowsThatEndedLeaveNothingBehind) {
    Admission admission(reactor_, 16, {.flow_requests_per_second = 1'000});
    for (std::uint64_t id = 1; id <= 20'000; ++id) {
        ASSERT_TRUE(admission.try_enter({"host", "bkt"}, RateClass::read, {.id = id}));
        if (id % 100 == 0) clock_.now += kStep;
    }
    EXPECT_LE(admission.flows_known(), 3'000U);
    end();
}

}  // namespace
}  // namespace s3client
