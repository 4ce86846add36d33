// Jobs on one bucket do not take all places: where it is slow, jobs on others start all the same.
#include <gtest/gtest.h>

#include "daemon/job_service.h"
#include "fake_engine.h"
#include "temp_journal.h"

namespace s3zipd {
namespace {

using archive::JobState;

class JobSharesTest : public testing::Test {
  protected:
    JobService& service(JobLimits limits) {
        service_ = std::make_unique<JobService>(engine_, *journal_, limits, base::system_clock());
        service_->begin();
        return *service_;
    }
    // Jobs that may start have been handed to the engine when it is accepted.
    std::string submit(const std::string& bucket, int priority = 0) {
        archive::ArchiveRequest request = simple_request(priority);
        request.sources.front().bucket = bucket;
        const auto job = submit_now(*service_, {std::move(request), "{}", {}});
        EXPECT_TRUE(job.has_value());
        return job ? job->id : "";
    }
    std::string bucket_of_next() { return engine_.next().job->request().sources.front().bucket; }

    TempJournal journal_;
    FakeEngine engine_;
    std::unique_ptr<JobService> service_;
};

TEST_F(JobSharesTest, OfThoseBeingPlanned) {
    service({.running_max = 64, .planning_max = 8});
    for (int i = 0; i < 30; ++i) submit("slow");
    EXPECT_EQ(engine_.waiting_starts(), 7U);
    submit("other");
    ASSERT_EQ(engine_.waiting_starts(), 8U);
    for (int i = 0; i < 7; ++i) EXPECT_EQ(bucket_of_next(), "slow");
    EXPECT_EQ(bucket_of_next(), "other");
}

TEST_F(JobSharesTest, OfThoseThatRun) {
    service({.running_max = 16, .planning_max = 100});
    for (int i = 0; i < 30; ++i) submit("slow", 5);
    EXPECT_EQ(engine_.waiting_starts(), 14U);
    submit("other");
    submit("third");
    submit("fourth");
    ASSERT_EQ(engine_.waiting_starts(), 16U) << "all places are taken, in the order of asking";
    for (int i = 0; i < 14; ++i) EXPECT_EQ(bucket_of_next(), "slow");
    EXPECT_EQ(bucket_of_next(), "other");
    EXPECT_EQ(bucket_of_next(), "third");
}

// With few places there is nothing to share.
TEST_F(JobSharesTest, FewPlacesGoToWhoeverIsFirst) {
    service({.running_max = 2});
    submit("slow");
    submit("slow");
    submit("other");
    EXPECT_EQ(engine_.waiting_starts(), 2U);
    EXPECT_EQ(bucket_of_next(), "slow");
    EXPECT_EQ(bucket_of_next(), "slow");
}

}  // namespace
}  // namespace s3zipd
