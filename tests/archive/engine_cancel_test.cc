// A job that is stopped, at every stage: it ends `cancelled`, and nothing of it is left. Stages are
// reached by faults of s3sim and by states, never by waiting a while.
#include "archive/engine.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::random_text;
using test::RunningJob;

class EngineCancel : public EngineTest {
  protected:
    void put_large() {
        for (int i = 0; i < 6; ++i)
            put("large/" + std::to_string(i), random_text(static_cast<unsigned>(i), 7 * kMiB));
        put("very-large", random_text(99, 33 * kMiB));
    }
    void expect_cancelled(RunningJob& job) {
        const JobSnapshot s = job.wait();
        EXPECT_EQ(s.state, JobState::cancelled) << (s.error ? s.error->to_string() : "");
        ASSERT_TRUE(s.error.has_value());
        EXPECT_EQ(s.error->kind, base::ErrorKind::cancelled);
        EXPECT_FALSE(s.result.has_value());
        EXPECT_TRUE(s.finished_at.has_value());
        expect_nothing_left();
    }
};
ON_ENGINES(EngineCancel);

TEST_P(EngineCancel, BeforeItIsStarted) {
    put("k", "v");
    start_engine();
    const auto job = std::make_shared<Job>(request());
    job->cancel();
    RunningJob running{job, std::make_shared<test::Awaited<JobSnapshot>>()};
    engine->start(job, [end = running.end](const auto& j) {
        if (has_ended(j->state())) end->set(j->snapshot());
    });
    expect_cancelled(running);
}

TEST_P(EngineCancel, WhileAnyRequestIsNotAnswered) {
    put_large();
    const std::pair<const char*, bool> stalls[] = {
        {"HeadObject nth=1 stall", false},
        {"ListObjectsV2 stall", false},
        {"GetObject nth=3 stall", false},
        {"GetObject nth=4 stall-after=100000", false},
        {"UploadPart nth=2 stall", false},
        {"UploadPart part=7 stall", false},  // of the group
        {"CompleteMultipartUpload stall", false},
        {"GetObject stall", true},
        {"PutObject stall", true},
    };
    for (const auto& [fault, single_put] : stalls) {
        SCOPED_TRACE(fault);
        start_engine(config(2, single_put ? 512 : 40));
        ASSERT_TRUE(server->set_faults(fault));
        server->reset_stats();
        RunningJob job = start(request());
        if (single_put) {
            job.job->cancel();
            job.wait();
            ArchiveRequest what = request();
            what.sources[0].prefix = "large/";
            job = start(what);
        }
        wait_until([this] { return server->stats().faults_fired > 0; });
        job.job->cancel();
        expect_cancelled(job);
        ASSERT_TRUE(server->set_faults(""));
    }
}

TEST_P(EngineCancel, AtEveryChangeOfState) {
    put_large();
    start_engine(config(2, 40));
    for (const JobState when : {JobState::planning, JobState::running, JobState::finishing}) {
        SCOPED_TRACE(to_string(when));
        RunningJob job = start(request(), [when](const auto& j) {
            if (j->state() == when) j->cancel();
        });
        expect_cancelled(job);
    }
}

// The upload exists already, only nobody here knows its id yet.
TEST_P(EngineCancel, WhileTheUploadIsBeingCreated) {
    put_large();
    start_engine(config(2, 40));
    ASSERT_TRUE(server->set_faults("CreateMultipartUpload delay=300"));
    RunningJob job = start(request());
    wait_until([this] { return !server->open_uploads().empty(); });
    job.job->cancel();
    expect_cancelled(job);
}

// The upload by which it is found out whether the store checks checksums.
TEST_P(EngineCancel, WhileTheStoreIsBeingTried) {
    put_large();
    start_engine(config(2, 40));
    ASSERT_TRUE(server->set_faults("CreateMultipartUpload delay=300"));
    ArchiveRequest what = request();
    what.options.checksums = Checksums::required;
    RunningJob job = start(what);
    wait_until([this] { return !server->open_uploads().empty(); });
    job.job->cancel();
    expect_cancelled(job);
}

TEST_P(EngineCancel, WhileTheUploadIsNeverCreated) {
    put_large();
    start_engine(config(2, 40));
    ASSERT_TRUE(server->set_faults("CreateMultipartUpload stall"));
    server->reset_stats();
    RunningJob job = start(request());
    wait_until([this] { return server->stats().faults_fired > 0; });
    job.job->cancel();
    expect_cancelled(job);
}

TEST_P(EngineCancel, WhileItWaitsToTryAgain) {
    put_large();
    EngineConfig with = config(1, 20);
    with.attempts_max = 1000;
    start_engine(with);
    ASSERT_TRUE(server->set_faults("UploadPart status=503"));
    server->reset_stats();
    RunningJob job = start(request());
    wait_until([this] { return server->stats().faults_fired > 1; });
    job.job->cancel();
    expect_cancelled(job);
}

TEST_P(EngineCancel, LeavesTheOtherJobAlone) {
    put_large();
    start_engine(config(2, 40));
    ASSERT_TRUE(server->set_faults("UploadPart key=stopped nth=2 stall"));
    server->reset_stats();
    RunningJob stopped = start(request("stopped"));
    RunningJob other = start(request("other"));
    wait_until([this] { return server->stats().faults_fired > 0; });
    stopped.job->cancel();
    EXPECT_EQ(stopped.wait().state, JobState::cancelled);
    EXPECT_EQ(other.wait().state, JobState::succeeded);
    expect_content(server->get("out", "other").value());
    expect_nothing_left("stopped");
}

TEST_P(EngineCancel, AfterTheEndChangesNothing) {
    put("k", "v");
    start_engine();
    RunningJob job = start(request());
    EXPECT_EQ(job.wait().state, JobState::succeeded);
    job.job->cancel();
    EXPECT_EQ(job.job->state(), JobState::succeeded);
    EXPECT_TRUE(exists("a.zip"));
}

TEST_P(EngineCancel, OfAllJobsWhenTheEngineIsDestroyed) {
    put_large();
    start_engine(config(2, 40));
    ASSERT_TRUE(server->set_faults("UploadPart nth=3 stall; UploadPart nth=9 stall"));
    server->reset_stats();
    RunningJob one = start(request("one"));
    RunningJob two = start(request("two"));
    test::Awaited<base::Result<PlanSummary>> planned;
    wait_until([this] { return server->stats().faults_fired > 0; });
    ASSERT_TRUE(server->set_faults("UploadPart stall; ListObjectsV2 stall"));
    engine->plan(request("three"), [&planned](auto result) { planned.set(std::move(result)); });
    const auto begin = std::chrono::steady_clock::now();
    engine.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
    EXPECT_EQ(one.wait().state, JobState::cancelled);
    EXPECT_EQ(two.wait().state, JobState::cancelled);
    EXPECT_FALSE(planned.take().value());
    expect_nothing_left("one");
    expect_nothing_left("two");
}

// Even an Abort that S3 never answers does not hold up the end for ever.
TEST_P(EngineCancel, IsBoundedWhenS3DoesNotAnswerTheAbort) {
    put_large();
    start_engine(config(1, 20));
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload stall; UploadPart stall"));
    server->reset_stats();
    RunningJob job = start(request());
    wait_until([this] { return server->stats().faults_fired > 0; });
    const auto begin = std::chrono::steady_clock::now();
    job.job->cancel();
    EXPECT_EQ(job.wait().state, JobState::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(40));
    EXPECT_FALSE(exists("a.zip"));
}

}  // namespace
}  // namespace archive
