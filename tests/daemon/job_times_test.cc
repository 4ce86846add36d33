// How long jobs wait and take, by a clock that the test moves.
#include <gtest/gtest.h>
#include <atomic>
#include <future>

#include "daemon/job_service.h"
#include "fake_engine.h"
#include "temp_journal.h"

namespace s3zipd {
namespace {

using archive::JobState;
using std::chrono::seconds;

class Settable final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::SteadyTime(now_.load()); }
    base::UtcTime utc_now() override { return base::system_clock().utc_now(); }
    void pass(base::Duration time) { now_ = now_.load() + time; }

  private:
    std::atomic<base::Duration> now_{std::chrono::hours(1)};
};

constexpr auto kSucceeded = static_cast<std::size_t>(JobState::succeeded);
constexpr auto kFailed = static_cast<std::size_t>(JobState::failed);
constexpr auto kCancelled = static_cast<std::size_t>(JobState::cancelled);

class JobTimes : public testing::Test {
  protected:
    JobTimes() { service_.begin(); }
    std::string submit() {
        const auto job = submit_now(service_, {simple_request(), "{}", {}});
        EXPECT_TRUE(job.has_value());
        return job ? job->id : "";
    }
    void until_end(const std::string& id, const std::function<void()>& act) {
        std::promise<void> ended;
        const auto token = service_.end_listeners().add(id, [&] { ended.set_value(); });
        act();
        EXPECT_EQ(ended.get_future().wait_for(seconds(20)), std::future_status::ready);
        service_.end_listeners().remove(token);
    }

    Settable clock_;
    TempJournal journal_;
    FakeEngine engine_;
    JobService service_{engine_, *journal_, JobLimits{.running_max = 1}, clock_};
};

TEST_F(JobTimes, OfTheQueueAndOfTheRun) {
    const auto first = submit(), second = submit(), third = submit();
    const auto running = engine_.next();
    EXPECT_EQ(service_.counts().queue_oldest, seconds(0));
    clock_.pass(seconds(40));
    EXPECT_EQ(service_.counts().queue_oldest, seconds(40));
    until_end(first, [&] { running.succeed(simple_result()); });
    const auto next = engine_.next();
    clock_.pass(seconds(5));
    EXPECT_EQ(service_.counts().queue_oldest, seconds(45));
    until_end(second, [&] { next.succeed(simple_result()); });
    const auto last = engine_.next();
    until_end(third, [&] { last.end_cancelled(); });
    const JobCounts counts = service_.counts();
    EXPECT_EQ(counts.queue_oldest, seconds(0));
    EXPECT_EQ(counts.durations[kSucceeded].count(), 2u);
    EXPECT_EQ(counts.durations[kSucceeded].sum, seconds(45));
    EXPECT_EQ(counts.queue_times[kSucceeded].sum, seconds(40));
    EXPECT_EQ(counts.durations[kCancelled].sum, seconds(0));
    EXPECT_EQ(counts.queue_times[kCancelled].sum, seconds(45));
    EXPECT_EQ(counts.durations[kFailed].count(), 0u);
}

TEST_F(JobTimes, AJobThatNeverStartedHasOnlyWaited) {
    submit();
    const auto waiting = submit();
    clock_.pass(seconds(7));
    ASSERT_TRUE(cancel_now(service_, waiting).has_value());
    const JobCounts counts = service_.counts();
    EXPECT_EQ(counts.durations[kCancelled].count(), 0u);
    EXPECT_EQ(counts.queue_times[kCancelled].count(), 1u);
    EXPECT_EQ(counts.queue_times[kCancelled].sum, seconds(7));
}

}  // namespace
}  // namespace s3zipd
