// S3's bad days: whatever goes wrong and passes, the archive is the same as on a good day.
#include "archive/engine.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::random_text;

class EngineRetries : public EngineTest {};
ON_ENGINES(EngineRetries);

TEST_P(EngineRetries, EndInTheSameArchive) {
    for (int i = 0; i < 4; ++i)
        put("large/" + std::to_string(i), random_text(static_cast<unsigned>(i), 6 * kMiB));
    put("very-large", random_text(9, 27 * kMiB));
    for (int i = 0; i < 40; ++i)
        put("small/" + std::to_string(i), random_text(static_cast<unsigned>(i), 9000));
    start_engine(config(2, 40));
    const std::string reference = expect_archive(request("reference"));
    ASSERT_FALSE(reference.empty());
    const char* faults[] = {
        "GetObject nth=2,5,9 status=500; UploadPart nth=1,3 status=500",
        "CreateMultipartUpload nth=1 status=500; CompleteMultipartUpload nth=1 status=500",
        "ListObjectsV2 nth=1 status=500",
        "GetObject nth=7 status=503; UploadPart nth=2 status=503",
        "* every=6 reset",
        "* every=5 reset-early",
        "GetObject every=4 reset-after=3000",
        "GetObject key=large nth=1,2,3 reset-after=2000000",
        "GetObject every=3 short=1000",
        "GetObject key=large nth=1 short=0; ListObjectsV2 nth=1 short=100",
        "CompleteMultipartUpload nth=1 error200=InternalError",
        "* close",
        "UploadPart every=2 lost-answer; GetObject every=9 lost-answer",
        "CompleteMultipartUpload nth=1 lost-answer",
        "HeadObject nth=1 status=500 no-body; HeadObject nth=2 reset",
    };
    for (const char* fault : faults) {
        SCOPED_TRACE(fault);
        ASSERT_TRUE(server->set_faults(fault));
        server->reset_stats();
        ArchiveRequest what = request();
        const std::string bytes = expect_archive(what);
        EXPECT_GT(server->stats().faults_fired, 0U);
        ASSERT_TRUE(bytes == reference);
        ASSERT_TRUE(server->set_faults(""));
        ASSERT_TRUE(server->remove("out", "a.zip"));
    }
    EXPECT_GT(engine->stats().retries, 20U);
    EXPECT_GT(engine->stats().throttled, 0U);
}

TEST_P(EngineRetries, OfASinglePut) {
    put("k", "v");
    put("l", random_text(1, 100'000));
    start_engine();
    const std::string reference = expect_archive(request("reference"));
    for (const char* fault :
         {"PutObject nth=1 status=500", "PutObject nth=1 status=503", "PutObject nth=1 reset",
          "PutObject nth=1 reset-early", "PutObject nth=1 close", "PutObject nth=1 lost-answer"}) {
        for (const bool overwrite : {false, true}) {
            SCOPED_TRACE(fault);
            ASSERT_TRUE(server->set_faults(fault));
            ArchiveRequest what = request();
            what.destination.overwrite = overwrite;
            EXPECT_TRUE(expect_archive(what) == reference);
            ASSERT_TRUE(server->remove("out", "a.zip"));
        }
    }
}

// The write was done, its answer and those of all attempts after it were not.
TEST_P(EngineRetries, AWriteWhoseEveryAnswerIsLostIsStillSeen) {
    put("k", "v");
    put("l", random_text(1, 21 * kMiB));
    EngineConfig with = config(2, 40);
    with.attempts_max = 2;
    start_engine(with);
    ASSERT_TRUE(server->set_faults("PutObject lost-answer; CompleteMultipartUpload lost-answer"));
    for (const std::string prefix : {"k", ""}) {
        for (const bool overwrite : {false, true}) {
            ArchiveRequest what = request();
            what.sources[0].prefix = prefix;
            what.destination.overwrite = overwrite;
            const JobSnapshot s = run(what);
            ASSERT_EQ(s.state, JobState::succeeded) << s.error->to_string();
            EXPECT_EQ(s.result->etag, '"' + server->head("out", "a.zip")->etag + '"');
            EXPECT_TRUE(server->open_uploads().empty());
            ASSERT_TRUE(server->remove("out", "a.zip"));
        }
    }
}

// A server whose clock is an hour ahead refuses our signatures until we sign with its time.
TEST_P(EngineRetries, LearnTheTimeFromS3) {
    test::HourAhead clock;
    s3sim::Options options;
    options.clock = &clock;
    start_server(std::move(options));
    put("k", "v");
    put("l", random_text(1, 21 * kMiB));
    start_engine(config(2, 40));
    expect_archive(request());
    engine.reset();
    server.reset();  // before its clock
}

// Refused credentials are no matter of the clock: asked once each, and no word about the time.
TEST_P(EngineRetries, DoNotMistakeARefusalForAWrongClock) {
    put("k", "v");
    EngineConfig with = config(1, 20);
    with.secret_access_key = "wrong";
    start_engine(with);
    server->reset_stats();
    EXPECT_EQ(run(request()).state, JobState::failed);
    EXPECT_EQ(server->stats().count("HeadObject"), 1U);
}

}  // namespace
}  // namespace archive
