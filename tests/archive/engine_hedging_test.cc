// Requests that answer late, or never: sent a second time, within a budget. On a busy machine
// others may be late, too: counts are bounds.
#include <gmock/gmock.h>

#include "engine_fixture.h"

namespace archive::test {
namespace {

using s3client::Operation;

class EngineHedging : public EngineTest {
  protected:
    // What never answers would end by this timeout alone, which nobody here waits for.
    void start_one() {
        EngineConfig with = config(1, 64);
        with.request_timeout_ms = 600'000;
        with.part_size_bytes = 10 * kMiB;
        with.hedged_uploads = Use::always;  // s3sim is not AWS
        start_engine(with);
    }
    std::uint64_t requests(const JobSnapshot& job, Operation operation) {
        return job.requests[static_cast<std::size_t>(operation)];
    }
};
ON_ENGINES(EngineHedging);

TEST_P(EngineHedging, AGetThatNeverAnswersIsRaced) {
    for (int i = 0; i < 60; ++i) put("k" + std::to_string(100 + i), random_text(i, 20'000));
    start_one();
    const std::string reference = expect_archive(request("reference"));
    ASSERT_TRUE(server->set_faults("GetObject nth=40 stall"));
    EXPECT_TRUE(expect_archive(request()) == reference);
    EXPECT_GE(engine->stats().hedged, 1U);
    EXPECT_GE(engine->stats().hedges_won, 1U);
    EXPECT_EQ(engine->stats().retries, 0U);
}

// Nothing is known yet of how long answers take.
TEST_P(EngineHedging, TheVeryFirstRequestIsRacedToo) {
    put("k", "v");
    start_one();
    ASSERT_TRUE(server->set_faults("ListObjectsV2 nth=1 stall"));
    expect_archive(request());
    EXPECT_GE(engine->stats().hedged, 1U);
}

TEST_P(EngineHedging, APartIsSentAgainFromItsMemory) {
    put("big", random_text(1, 45 * kMiB));
    start_one();
    const std::string reference = expect_archive(request("reference"));
    ASSERT_TRUE(server->set_faults("UploadPart part=2 times=1 stall"));
    EXPECT_TRUE(expect_archive(request()) == reference);
    EXPECT_GE(engine->stats().hedged, 1U);
    EXPECT_GE(engine->stats().hedges_won, 1U);
    EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
}

// A store may keep a part's number locked after a connection is cut, so only AWS gets a part twice.
TEST_P(EngineHedging, APartIsNotRacedOutsideAws) {
    put("big", random_text(1, 45 * kMiB));
    for (const Use use : {Use::automatic, Use::never}) {
        EngineConfig with = config(1, 64);
        with.request_timeout_ms = 3'000;
        with.part_size_bytes = 10 * kMiB;
        with.hedged_uploads = use;
        start_engine(with);
        ASSERT_TRUE(server->set_faults("UploadPart part=2 times=1 stall"));
        expect_archive(request(use == Use::never ? "never" : "automatic"));
        EXPECT_GE(engine->stats().retries, 1U);
        const auto uploads = static_cast<std::size_t>(Operation::upload_part);
        EXPECT_EQ(engine->stats().requests[uploads], 10U + engine->stats().retries);
    }
}

TEST_P(EngineHedging, ABodyThatCrawlsIsCutAndGoesOnElsewhere) {
    for (int i = 0; i < 30; ++i) put("k" + std::to_string(100 + i), random_text(i, 400'000));
    start_one();
    const std::string reference = expect_archive(request("reference"));
    ASSERT_TRUE(server->set_faults("GetObject nth=20 drip=20000"));  // 20 s for one of these
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(expect_archive(request()) == reference);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(15));
    EXPECT_GE(engine->stats().hedged, 1U);
}

// A second CreateMultipartUpload leaves an upload behind, a second Complete finds none.
TEST_P(EngineHedging, WhatMustHappenOnceIsNotRaced) {
    put("big", random_text(1, 30 * kMiB));
    start_one();
    ASSERT_TRUE(
        server->set_faults("CreateMultipartUpload delay=1500; CompleteMultipartUpload delay=1500"));
    const JobSnapshot job = run(request());
    ASSERT_EQ(job.state, JobState::succeeded);
    EXPECT_EQ(requests(job, Operation::create_multipart_upload), 1U);
    EXPECT_EQ(requests(job, Operation::complete_multipart_upload), 1U);
    EXPECT_TRUE(server->open_uploads().empty());
}

TEST_P(EngineHedging, CostsFewRequestsHoweverFatTheTail) {
    s3sim::Options options;
    options.latency = "1ms,tail=20%:250ms,seed=3";
    start_server(std::move(options));
    constexpr int kObjects = 400;
    for (int i = 0; i < kObjects; ++i) put("k" + std::to_string(1000 + i), random_text(i, 500));
    start_one();
    const JobSnapshot job = run(request());
    ASSERT_EQ(job.state, JobState::succeeded);
    EXPECT_GE(engine->stats().hedged, 1U);
    EXPECT_LE(engine->stats().hedged, 2 + kObjects * 0.015 + 1);
    EXPECT_EQ(requests(job, Operation::get_object) + requests(job, Operation::head_object) +
                  requests(job, Operation::list_objects) + requests(job, Operation::put_object),
              kObjects + 5U + engine->stats().hedged);
    EXPECT_TRUE(verify("a.zip"));
}

TEST_P(EngineHedging, ARaceEndsWithItsJob) {
    for (int i = 0; i < 40; ++i) put("k" + std::to_string(100 + i), random_text(i, 20'000));
    start_one();
    ASSERT_TRUE(server->set_faults("GetObject from=10 stall"));
    RunningJob running = start(request());
    wait_until([this] { return engine->stats().hedged >= 1; });
    running.job->cancel();
    EXPECT_EQ(running.wait().state, JobState::cancelled);
    expect_nothing_left();
}

}  // namespace
}  // namespace archive::test
