// A job that an earlier process has begun: what S3 has of it is not sent again, and the archive is
// the one that was planned. The earlier process is an engine whose job is stopped in mid-flight,
// and a recorder that remembers.
#include "archive/engine.h"
#include "engine_fixture.h"
#include "memory_journal.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::Memory;
using test::random_text;
using test::RunningJob;

class EngineResume : public EngineTest {
  protected:
    static constexpr std::string_view kId = "01J0000000000000000000TEST";

    void put_large() {
        for (int i = 0; i < 300; ++i)
            put("small/" + std::to_string(i), random_text(static_cast<unsigned>(i), 20'000));
        for (int i = 0; i < 6; ++i)
            put("large/" + std::to_string(i), random_text(static_cast<unsigned>(i), 7 * kMiB));
        put("very-large", random_text(99, 33 * kMiB));  // a group of parts
    }
    static ArchiveRequest small_parts() {
        ArchiveRequest what = request();
        what.options.part_size_bytes = 5 * kMiB;
        return what;
    }
    RunningJob begin(ArchiveRequest what, OnState on_state = {}) {
        auto job = std::make_shared<Job>(std::move(what));
        job->set_id(std::string(kId));
        job->set_recorder(memory);
        RunningJob running{job, std::make_shared<test::Awaited<JobSnapshot>>()};
        engine->start(job, [end = running.end, on_state](const auto& j) {
            if (on_state) on_state(j);
            if (has_ended(j->state()) || j->parked()) end->set(j->snapshot());
        });
        return running;
    }
    // Runs it until so many parts are in S3, and parks it there.
    void park_after(std::uint64_t parts, ArchiveRequest what = small_parts()) {
        RunningJob job = begin(std::move(what));
        wait_until([&] { return job.job->parts_done >= parts || has_ended(job.job->state()); });
        job.job->park();
        const JobSnapshot s = job.wait();
        ASSERT_EQ(s.state, JobState::queued) << (s.error ? s.error->to_string() : "");
        ASSERT_TRUE(job.job->parked());
        ASSERT_EQ(server->open_uploads().size(), 1u);
    }
    // What S3 was asked since the last reset.
    std::uint64_t count(const std::string& operation) const {
        return server->stats().count(operation);
    }
    void expect_resumed(std::uint64_t parts_before) {
        server->reset_stats();
        const JobSnapshot s = begin(small_parts()).wait();
        ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
        EXPECT_EQ(count("CreateMultipartUpload"), 0u);
        EXPECT_EQ(count("ListObjectsV2"), 0u);
        EXPECT_LE(count("UploadPart"), s.parts_total - parts_before);
        EXPECT_EQ(s.parts_done, s.parts_total);
        EXPECT_EQ(s.objects_done, s.objects_total);
        EXPECT_EQ(s.bytes_done, s.bytes_total);
        expect_right(*s.result);
    }
    void expect_right(const ArchiveResult& result) {
        const auto bytes = server->get("out", "a.zip");
        ASSERT_TRUE(bytes.has_value());
        expect_content(*bytes);
        EXPECT_EQ(result.size, bytes->size());
        EXPECT_EQ(result.crc32, server->head("out", "a.zip")->crc32);
        EXPECT_TRUE(server->open_uploads().empty());
    }

    std::shared_ptr<Memory> memory = std::make_shared<Memory>();
};
ON_ENGINES(EngineResume);

TEST_P(EngineResume, PartsThatS3HasAreNotSentAgain) {
    put_large();
    for (const std::uint64_t parts : {1, 4, 9}) {
        SCOPED_TRACE(parts);
        memory = std::make_shared<Memory>();
        start_engine(config(2, 48));
        park_after(parts);
        start_engine(config(1, 40));  // another process, with other memory
        expect_resumed(parts);
        ASSERT_TRUE(server->remove("out", "a.zip"));
    }
}

TEST_P(EngineResume, TheSourcesAreThoseThatWerePlanned) {
    put_large();
    start_engine(config(2, 48));
    park_after(2);
    ASSERT_TRUE(server->put("src", "a new one", "is not in the archive"));
    start_engine(config(2, 48));
    expect_resumed(2);
}

TEST_P(EngineResume, ASourceThatChangedMeanwhileFailsTheJobByName) {
    put_large();
    start_engine(config(1, 40));
    park_after(1);
    for (const auto& [key, bytes] : sources) ASSERT_TRUE(server->put("src", key, bytes + "!"));
    start_engine(config(1, 40));
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::failed);
    EXPECT_EQ(s.error->code, "source_changed");
    EXPECT_THAT(s.error->key, testing::StartsWith("src/"));
    expect_nothing_left();
    EXPECT_FALSE(memory->upload.has_value());
}

TEST_P(EngineResume, AnUploadThatIsGoneIsBegunAnewOnce) {
    put_large();
    start_engine(config(2, 48));
    park_after(3);
    memory->upload->upload_id = "somebody-has-aborted-it";
    start_engine(config(2, 48));
    server->reset_stats();
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(count("CreateMultipartUpload"), 1u);
    EXPECT_EQ(s.parts_done, s.parts_total);
    const auto bytes = server->get("out", "a.zip");
    ASSERT_TRUE(bytes.has_value());
    expect_content(*bytes);

    // The second time it is an error.
    ASSERT_TRUE(server->remove("out", "a.zip"));
    memory->upload = UploadRecord{"gone-again", true};
    memory->uploads = 2;
    const JobSnapshot failed = begin(small_parts()).wait();
    ASSERT_EQ(failed.state, JobState::failed);
    EXPECT_EQ(failed.error->code, "NoSuchUpload");
}

TEST_P(EngineResume, AnUploadThatIsGoneInMidJobIsBegunAnew) {
    put_large();
    start_engine(config(1, 40));
    ASSERT_TRUE(server->set_faults("UploadPart nth=5 status=404 code=NoSuchUpload"));
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(memory->uploads, 2u);
    EXPECT_EQ(s.bytes_done, s.bytes_total);
    expect_right(*s.result);
}

TEST_P(EngineResume, AnArchiveThatWasFinishedIsRecognised) {
    put_large();
    start_engine(config(2, 48));
    const JobSnapshot first = begin(small_parts()).wait();
    ASSERT_EQ(first.state, JobState::succeeded);
    start_engine(config(2, 48));  // the process died before it could say so
    server->reset_stats();
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(s.result->etag, first.result->etag);
    EXPECT_EQ(s.result->crc32, first.result->crc32);
    EXPECT_EQ(s.result->fingerprint, first.result->fingerprint);
    EXPECT_EQ(count("GetObject") + count("UploadPart") + count("CreateMultipartUpload"), 0u);
    expect_right(*s.result);
}

TEST_P(EngineResume, ASmallArchiveThatWasPutIsRecognised) {
    put("k", "v");
    start_engine();
    const JobSnapshot first = begin(request()).wait();
    ASSERT_EQ(first.state, JobState::succeeded);
    server->reset_stats();
    const JobSnapshot s = begin(request()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(count("PutObject") + count("GetObject"), 0u);
    EXPECT_EQ(s.result->etag, first.result->etag);
}

// The same bytes, but of another job: of another class, other tags, another key.
TEST_P(EngineResume, AnotherJobsArchiveIsNotTakenForOurs) {
    put("k", "v");
    start_engine();
    const JobSnapshot first = begin(request()).wait();
    ASSERT_EQ(first.state, JobState::succeeded);
    auto job = std::make_shared<Job>(request());
    job->set_id("01J0000000000000000000OTHR");
    job->set_recorder(memory);  // as if it had sent the same bytes, and died before the PUT
    RunningJob running{job, std::make_shared<test::Awaited<JobSnapshot>>()};
    engine->start(job, [end = running.end](const auto& j) {
        if (has_ended(j->state())) end->set(j->snapshot());
    });
    const JobSnapshot s = running.wait();
    ASSERT_EQ(s.state, JobState::failed);
    EXPECT_EQ(s.error->code, "destination_exists");
}

// Its journal knew less than S3.
TEST_P(EngineResume, OurOwnArchiveIsNoReasonToFail) {
    put_large();
    start_engine(config(2, 48));
    ASSERT_EQ(begin(small_parts()).wait().state, JobState::succeeded);
    memory = std::make_shared<Memory>();
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    expect_right(*s.result);
}

TEST_P(EngineResume, WhoMayNotListPartsSendsThemAgain) {
    put_large();
    start_engine(config(2, 48));
    park_after(3);
    ASSERT_TRUE(server->set_faults("ListParts status=403"));
    start_engine(config(2, 48));
    server->reset_stats();
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(count("CreateMultipartUpload"), 0u);
    EXPECT_GE(count("UploadPart"), s.parts_total);
    expect_right(*s.result);
}

// S3 has opened an upload of which nobody heard: that one may be there stays on record.
TEST_P(EngineResume, ACreateThatWasSentTwiceIsRecordedTwice) {
    put_large();
    start_engine(config(2, 48));
    ASSERT_TRUE(server->set_faults("CreateMultipartUpload nth=1 lost-answer"));
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(memory->begins, 2u);
    EXPECT_EQ(memory->uploads, 1u);
}

TEST_P(EngineResume, AnotherPlanBeginsAnewAndLeavesNothing) {
    put_large();
    start_engine(config(2, 48));
    park_after(2);
    ++memory->plan().digest;  // as of another version
    start_engine(config(2, 48));
    server->reset_stats();
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(count("CreateMultipartUpload"), 1u);
    EXPECT_EQ(count("AbortMultipartUpload"), 1u);
    expect_right(*s.result);
}

TEST_P(EngineResume, ACancelledJobThatIsTakenUpAbortsItsUpload) {
    put_large();
    start_engine(config(2, 48));
    park_after(2);
    start_engine(config(2, 48));
    auto job = std::make_shared<Job>(small_parts());
    job->set_recorder(memory);
    job->cancel();
    RunningJob running{job, std::make_shared<test::Awaited<JobSnapshot>>()};
    engine->start(job, [end = running.end](const auto& j) {
        if (has_ended(j->state())) end->set(j->snapshot());
    });
    EXPECT_EQ(running.wait().state, JobState::cancelled);
    expect_nothing_left();
}

TEST_P(EngineResume, PartsWhoseRecordsDoNotFitAreSentAgain) {
    put_large();
    start_engine(config(2, 48));
    park_after(4);
    for (auto& [number, record] : memory->parts) {
        if (number % 3 == 0) ++record.part.size;
        if (number % 3 == 1 && !record.pieces.empty()) record.pieces[0].entry = 1'000'000;
        if (number % 3 == 2) record.part.crc32 ^= 1;  // not what S3 has
    }
    start_engine(config(2, 48));
    const JobSnapshot s = begin(small_parts()).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    expect_right(*s.result);
}

TEST_P(EngineResume, AnEarlierArchiveIsReusedIfItIsUnchanged) {
    put("k", "v");
    start_engine();
    const JobSnapshot first = begin(request()).wait();
    ASSERT_EQ(first.state, JobState::succeeded);
    std::shared_ptr<const RequestScope> scope;
    const auto reuse = [&] {
        auto earlier = memory->earlier;
        memory = std::make_shared<Memory>();
        memory->earlier = earlier;
        ArchiveRequest what = request("second.zip");
        what.options.reuse = true;
        what.scope = scope;
        server->reset_stats();
        return begin(what).wait();
    };
    memory->earlier = first.result;
    const JobSnapshot reused = reuse();
    ASSERT_EQ(reused.state, JobState::succeeded) << (reused.error ? reused.error->to_string() : "");
    EXPECT_TRUE(reused.result->reused);
    EXPECT_EQ(reused.result->key, "a.zip");
    EXPECT_EQ(reused.result->etag, first.result->etag);
    EXPECT_EQ(count("HeadObject"), 1u);
    EXPECT_EQ(count("GetObject") + count("PutObject"), 0u);
    EXPECT_FALSE(exists("second.zip"));

    // Who may not write there shall not be told of it either.
    scope = std::make_shared<RequestScope>(
        RequestScope{std::nullopt, std::vector<ObjectPrefix>{{"out", "second"}}});
    memory->earlier = first.result;
    EXPECT_FALSE(reuse().result->reused);
    ASSERT_TRUE(server->remove("out", "second.zip"));
    scope.reset();

    memory->earlier = first.result;
    ASSERT_TRUE(server->put("out", "a.zip", "somebody else's"));
    const JobSnapshot made = reuse();
    ASSERT_EQ(made.state, JobState::succeeded);
    EXPECT_FALSE(made.result->reused);
    EXPECT_TRUE(exists("second.zip"));
    ASSERT_TRUE(server->remove("out", "second.zip"));
    memory->earlier = made.result;
    put("k2", "other objects");
    EXPECT_FALSE(reuse().result->reused);
}

}  // namespace
}  // namespace archive
