// How long jobs that have ended are remembered, by clocks that the test moves: the wall clock may
// jump by years, and neither jobs nor Idempotency-Keys are forgotten for it.
#include <gtest/gtest.h>
#include <atomic>
#include <future>

#include "daemon/job_service.h"
#include "fake_engine.h"
#include "temp_journal.h"

namespace s3zipd {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
constexpr auto kDay = hours(24);
constexpr auto kYear = 365 * kDay;

class Clocks final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::SteadyTime(steady_.load()); }
    base::UtcTime utc_now() override {
        return base::UtcTime(
            std::chrono::duration_cast<base::UtcTime::duration>(steady_.load() + offset_.load()));
    }
    void pass(base::Duration time) { steady_ = steady_.load() + time; }
    void jump(base::Duration by) { offset_ = offset_.load() + by; }

  private:
    std::atomic<base::Duration> steady_{hours(1)};
    std::atomic<base::Duration> offset_{56 * kYear};
};

class RetentionTest : public testing::Test {
  protected:
    void SetUp() override { start({}); }
    void start(std::vector<JournaledJob> before) {
        service_ = std::make_unique<JobService>(engine_, *journal_,
                                                JobLimits{.kept_time = 30 * kDay}, clocks_);
        service_->restore(std::move(before));
        service_->begin();
    }
    std::vector<JournaledJob> stop() {
        service_.reset();
        return journal_.reopen();
    }
    void restart() { start(stop()); }

    // A job that has ended; when it has, jobs that are too old are forgotten.
    std::string end_one(const std::string& key) {
        const auto job = submit(key);
        if (!job) return {};
        std::promise<void> ended;
        const auto token = service_->end_listeners().add(job->id, [&] { ended.set_value(); });
        const FakeEngine::Started started = engine_.next();
        started.job->enter(archive::JobState::running, clocks_.utc_now());
        started.job->succeed(simple_result(), clocks_.utc_now());
        started.on_change(started.job);
        EXPECT_EQ(ended.get_future().wait_for(seconds(20)), std::future_status::ready);
        service_->end_listeners().remove(token);
        return job->id;
    }
    base::Result<JobView> submit(const std::string& key) {
        return submit_now(*service_, {simple_request(), "{}", IdempotencyKey{key, 1, 2}});
    }
    bool is_known(const std::string& id) const { return service_->find(id).has_value(); }
    // The key still names that job.
    void expect_known(const std::string& id, const std::string& key) {
        EXPECT_TRUE(is_known(id));
        const auto again = submit(key);
        ASSERT_TRUE(again.has_value()) << again.error().detail;
        EXPECT_EQ(again->id, id);
    }

    Clocks clocks_;
    TempJournal journal_;
    FakeEngine engine_;
    std::unique_ptr<JobService> service_;
};

TEST_F(RetentionTest, JobsAgeInServiceAndAreForgotten) {
    const std::string first = end_one("first");
    clocks_.pass(29 * kDay);
    const std::string second = end_one("second");
    expect_known(first, "first");
    clocks_.pass(2 * kDay);
    end_one("third");
    EXPECT_FALSE(is_known(first));
    expect_known(second, "second");
}

TEST_F(RetentionTest, AJumpOfTheWallClockForgetsNothing) {
    for (const base::Duration jump : {base::Duration(hours(26)), base::Duration(10 * kYear),
                                      base::Duration(-12 * kYear), base::Duration(kYear)}) {
        const std::string key = "before " + std::to_string(jump.count());
        const std::string before = end_one(key);
        clocks_.jump(jump);
        const std::string after = end_one("after " + key);
        expect_known(before, key);
        clocks_.pass(2 * kDay);  // however long the jump lies back
        end_one("later " + key);
        expect_known(before, key);
        restart();
        expect_known(before, key);
        expect_known(after, "after " + key);
        end_one("at last " + key);
        expect_known(before, key);
    }
}

// It looks no different from a machine that was off for years.
TEST_F(RetentionTest, AJumpWhileItIsStoppedForgetsNothing) {
    const std::string id = end_one("key");
    std::vector<JournaledJob> before = stop();
    clocks_.jump(5 * kYear);
    start(std::move(before));
    end_one("another");
    expect_known(id, "key");
}

TEST_F(RetentionTest, TheTimeInServiceAddsUpOverRestarts) {
    const std::string id = end_one("key");
    for (int i = 0; i < 3; ++i) {
        clocks_.pass(9 * kDay);
        restart();
        expect_known(id, "key");
    }
    clocks_.pass(4 * kDay);
    end_one("another");
    EXPECT_FALSE(is_known(id));
}

// An older version wrote no time in service with the end of a job.
TEST_F(RetentionTest, AJobOfAnOlderVersionAgesFromNowOn) {
    const std::string id = end_one("key");
    clocks_.pass(20 * kDay);
    std::vector<JournaledJob> before = stop();
    ASSERT_EQ(before.size(), 1U);
    before.front().ended_after.reset();
    start(std::move(before));
    clocks_.pass(29 * kDay);
    restart();
    end_one("another");
    expect_known(id, "key");
    clocks_.pass(2 * kDay);
    end_one("and another");
    EXPECT_FALSE(is_known(id));
}

}  // namespace
}  // namespace s3zipd
