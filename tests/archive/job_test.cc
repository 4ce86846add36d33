// A Job's states, times and cancellation, as the control plane sees them.
#include "archive/job.h"

#include <gtest/gtest.h>

namespace archive {
namespace {

base::UtcTime at(int seconds) { return base::UtcTime(std::chrono::seconds(seconds)); }

TEST(Job, BeginsQueuedAndKeepsWhenItStarted) {
    Job job({});
    EXPECT_EQ(job.state(), JobState::queued);
    EXPECT_FALSE(job.snapshot().started_at.has_value());
    job.enter(JobState::planning, at(1));
    job.enter(JobState::running, at(2));
    const JobSnapshot s = job.snapshot();
    EXPECT_EQ(s.state, JobState::running);
    EXPECT_EQ(s.started_at, at(1));
    EXPECT_FALSE(s.finished_at.has_value());
}

std::string text_of(const std::vector<Stage>& stages) {
    std::string text;
    for (const Stage& stage : stages) {
        const auto seconds = [](base::UtcTime time) {
            return std::to_string(time.time_since_epoch() / std::chrono::seconds(1));
        };
        text += std::string(to_string(stage.state)) + " " + seconds(stage.started_at) + "-" +
                (stage.finished_at ? seconds(*stage.finished_at) : "") + "; ";
    }
    return text;
}

TEST(Job, StagesFollowOneAnother) {
    Job job({});
    EXPECT_EQ(text_of(stages_of(job.snapshot(), at(1))), "queued 1-; ");
    job.enter(JobState::planning, at(2));
    EXPECT_EQ(text_of(stages_of(job.snapshot(), at(1))), "queued 1-2; planning 2-; ");
    job.enter(JobState::running, at(3));
    job.enter(JobState::finishing, at(5));
    job.succeed({}, at(9));
    EXPECT_EQ(text_of(stages_of(job.snapshot(), at(1))),
              "queued 1-2; planning 2-3; running 3-5; finishing 5-9; ");
    EXPECT_EQ(text_of(stages_of(job.snapshot(), std::nullopt)),
              "planning 2-3; running 3-5; finishing 5-9; ");
    EXPECT_EQ(stages_of(job.snapshot(), at(1))[3].duration(), std::chrono::seconds(4));
}

TEST(Job, StagesThatWereNotEnteredAreNotThere) {
    Job early({});
    early.enter(JobState::planning, at(2));
    early.fail({base::ErrorKind::not_found, "NoSuchBucket", "", 404, {}, {}}, at(4));
    EXPECT_EQ(text_of(stages_of(early.snapshot(), at(1))), "queued 1-2; planning 2-4; ");
    Job never({});
    never.fail({base::ErrorKind::cancelled, "cancelled", "", 0, {}, {}}, at(4));
    EXPECT_EQ(text_of(stages_of(never.snapshot(), at(1))), "queued 1-4; ");
    // Ended by an earlier version, which wrote no stages.
    JobSnapshot old;
    old.state = JobState::succeeded;
    old.started_at = at(3);
    old.finished_at = at(9);
    EXPECT_EQ(text_of(stages_of(old, at(1))), "queued 1-3; ");
}

// An upload that is gone is begun anew.
TEST(Job, AStageThatIsGoneBackToWasNotLeft) {
    Job job({});
    job.enter(JobState::planning, at(2));
    job.enter(JobState::running, at(3));
    job.enter(JobState::finishing, at(5));
    job.enter(JobState::running, at(6));
    EXPECT_EQ(text_of(stages_of(job.snapshot(), at(1))), "queued 1-2; planning 2-3; running 3-; ");
}

TEST(Job, AParkedJobIsQueuedAgain) {
    Job job({});
    job.enter(JobState::planning, at(2));
    job.enter(JobState::running, at(3));
    job.be_parked();
    EXPECT_EQ(text_of(stages_of(job.snapshot(), at(1))), "queued 1-; ");
    EXPECT_FALSE(job.snapshot().started_at.has_value());
}

TEST(Job, AClockThatWasSetBackMakesNoStageNegative) {
    Job job({});
    job.enter(JobState::planning, at(2));
    EXPECT_EQ(stages_of(job.snapshot(), at(8))[0].duration(), std::chrono::milliseconds(0));
}

TEST(Job, ShowsItsCounters) {
    Job job({});
    job.objects_total = 7;
    job.objects_done = 6;
    job.bytes_total = 5;
    job.bytes_done = 4;
    job.parts_total = 3;
    job.parts_done = 2;
    job.requests[1] = 9;
    const JobSnapshot s = job.snapshot();
    EXPECT_EQ(s.objects_total, 7U);
    EXPECT_EQ(s.objects_done, 6U);
    EXPECT_EQ(s.bytes_total, 5U);
    EXPECT_EQ(s.bytes_done, 4U);
    EXPECT_EQ(s.parts_total, 3U);
    EXPECT_EQ(s.parts_done, 2U);
    EXPECT_EQ(s.requests[1], 9U);
}

TEST(Job, EndsWithItsResult) {
    Job job({});
    ArchiveResult result;
    result.size = 22;
    job.succeed(result, at(3));
    const JobSnapshot s = job.snapshot();
    EXPECT_EQ(s.state, JobState::succeeded);
    ASSERT_TRUE(s.result.has_value());
    EXPECT_EQ(s.result->size, 22U);
    EXPECT_EQ(s.finished_at, at(3));
    EXPECT_FALSE(s.error.has_value());
}

TEST(Job, ACancelledErrorEndsItCancelledAnyOtherFailed) {
    Job one({});
    one.fail({base::ErrorKind::cancelled, "cancelled", "", 0, {}, {}}, at(1));
    EXPECT_EQ(one.state(), JobState::cancelled);
    Job other({});
    other.fail({base::ErrorKind::denied, "AccessDenied", "", 403, {}, "b/k"}, at(1));
    EXPECT_EQ(other.state(), JobState::failed);
    EXPECT_EQ(other.snapshot().error->key, "b/k");
}

TEST(Job, CancelCallsWhoWaitsForIt) {
    Job job({});
    int calls = 0;
    job.set_on_cancel([&] { ++calls; });
    EXPECT_EQ(calls, 0);
    EXPECT_FALSE(job.cancel_requested());
    job.cancel();
    EXPECT_TRUE(job.cancel_requested());
    EXPECT_EQ(calls, 1);
}

TEST(Job, CancelBeforeAnybodyWaitsIsNotLost) {
    Job job({});
    job.cancel();
    int calls = 0;
    job.set_on_cancel([&] { ++calls; });
    EXPECT_EQ(calls, 1);
}

TEST(Job, CancelAfterTheEndCallsNobody) {
    Job job({});
    int calls = 0;
    job.set_on_cancel([&] { ++calls; });
    job.set_on_cancel({});
    job.cancel();
    EXPECT_EQ(calls, 0);
}

TEST(Job, EveryStateHasItsWord) {
    EXPECT_EQ(to_string(JobState::queued), "queued");
    EXPECT_EQ(to_string(JobState::planning), "planning");
    EXPECT_EQ(to_string(JobState::running), "running");
    EXPECT_EQ(to_string(JobState::finishing), "finishing");
    EXPECT_EQ(to_string(JobState::succeeded), "succeeded");
    EXPECT_EQ(to_string(JobState::failed), "failed");
    EXPECT_EQ(to_string(JobState::cancelled), "cancelled");
    EXPECT_FALSE(has_ended(JobState::finishing));
    EXPECT_TRUE(has_ended(JobState::cancelled));
}

}  // namespace
}  // namespace archive
