// Jobs do not hold up each other: 503s for one bucket, and a silent one, beside a healthy bucket at
// the same endpoint. Bounds have room for a busy machine; without isolation the job on the healthy
// bucket takes minutes.
#include <gmock/gmock.h>

#include "engine_fixture.h"

namespace archive::test {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;

class EngineIsolation : public EngineTest {
  protected:
    static constexpr int kObjects = 300;
    static constexpr std::chrono::seconds kPromptly{25};

    void start(const std::string& sick) {
        s3sim::Options options;
        options.sinks = {"other"};
        options.synthetic = {{"sick", sick}};
        start_server(std::move(options));
        for (int i = 0; i < kObjects; ++i)
            put("k" + std::to_string(1'000 + i), random_text(i, 100));
        // Each reactor holds four parts and a spare, which is for jobs that hold none.
        EngineConfig with = config(2, 128);
        with.retry.patience = std::chrono::minutes(10);  // those on the sick bucket go on
        start_engine(with);
    }
    static ArchiveRequest of(const std::string& bucket, const std::string& key) {
        ArchiveRequest what = request(key);
        what.sources.front().bucket = bucket;
        return what;
    }
    // The healthy job beside those that are under way.
    void expect_prompt(const std::vector<RunningJob>& beside) {
        for (int i = 0; i < 2; ++i) {
            const std::string key = "healthy" + std::to_string(i);
            const auto began = steady_clock::now();
            const JobSnapshot end = run(request(key));
            EXPECT_LT(steady_clock::now() - began, kPromptly);
            ASSERT_EQ(end.state, JobState::succeeded) << (end.error ? end.error->to_string() : "");
            expect_content(server->get("out", key).value_or(""));
        }
        for (const RunningJob& job : beside) EXPECT_FALSE(has_ended(job.job->state()));
    }
    static void cancel_all(std::vector<RunningJob>& jobs) {
        for (RunningJob& job : jobs) job.job->cancel();
        for (RunningJob& job : jobs) EXPECT_EQ(job.wait().state, JobState::cancelled);
    }
};
ON_ENGINES(EngineIsolation);

TEST_P(EngineIsolation, ABucketWhoseReadsAreRefusedSlowsNoOther) {
    start("count=20000,size=1000,prefix=sick/");
    ASSERT_TRUE(server->set_faults("GetObject key=sick/ status=503"));
    std::vector<RunningJob> jobs;
    for (int i = 0; i < 3; ++i)
        jobs.push_back(EngineTest::start(of("sick", "sick" + std::to_string(i))));
    // Its rate has fallen to a few requests a second by now.
    wait_until([&] { return engine->stats().throttled >= 100; });
    expect_prompt(jobs);
    cancel_all(jobs);
}

TEST_P(EngineIsolation, ADestinationWhoseWritesAreRefusedSlowsNoOther) {
    start("count=2000,size=20000,prefix=sick/");
    ASSERT_TRUE(
        server->set_faults("UploadPart key=sick status=503; PutObject key=sick status=503"));
    // One job: a part keeps its memory while it waits for its turn, and several such jobs can hold
    // the spare that is kept for a job without memory.
    std::vector<RunningJob> jobs;
    ArchiveRequest what = of("sick", "sick0");
    what.destination.bucket = "other";
    jobs.push_back(EngineTest::start(std::move(what)));
    wait_until([&] { return engine->stats().throttled >= 3; });
    expect_prompt(jobs);
    cancel_all(jobs);
}

// A bucket that refuses everything for long: its job fails, and says why.
TEST_P(EngineIsolation, AJobOnABucketThatRefusesEverythingFails) {
    start("count=20,size=1000,prefix=sick/");
    EngineConfig with = config(1, 64);
    with.retry.patience = std::chrono::milliseconds(100);
    with.retry.throttled_base = std::chrono::milliseconds(20);
    start_engine(with);
    ASSERT_TRUE(server->set_faults("GetObject key=sick/ status=503"));
    const JobSnapshot job = run(of("sick", "a.zip"));
    ASSERT_EQ(job.state, JobState::failed);
    EXPECT_EQ(job.error->kind, base::ErrorKind::throttled);
    EXPECT_THAT(job.error->key, HasSubstr("sick/"));
    server->set_faults("");
    expect_nothing_left();
}

// A store that is silent at one step: the job fails in time and says where; the rest goes on.
TEST_P(EngineIsolation, AJobAtASilentStoreFailsInTime) {
    for (const char* prefix : {"big/", "get/"}) {
        for (int i = 0; i < 3; ++i)
            put(prefix + std::to_string(i), random_text(static_cast<unsigned>(i), 5 * kMiB));
    }
    EngineConfig with = config(2, 128);
    with.request_timeout_ms = 1'500;
    with.stall_timeout_ms = 3'000;
    start_engine(with);
    ASSERT_TRUE(
        server->set_faults("GetObject key=get/ stall-after=1000; UploadPart key=part.zip stall; "
                           "CompleteMultipartUpload key=complete.zip stall"));
    struct Case {
        const char *key, *prefix, *operation;
    };
    const Case cases[] = {{"get.zip", "get/", "GetObject"},
                          {"part.zip", "big/", "UploadPart"},
                          {"complete.zip", "big/", "CompleteMultipartUpload"}};
    std::vector<RunningJob> jobs;
    const auto began = steady_clock::now();
    for (const Case& one : cases) {
        ArchiveRequest what = request(one.key);
        what.sources.front().prefix = one.prefix;
        what.options.part_size_bytes = 5 * kMiB;
        jobs.push_back(EngineTest::start(std::move(what)));
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        SCOPED_TRACE(cases[i].operation);
        const JobSnapshot end = jobs[i].wait();
        ASSERT_EQ(end.state, JobState::failed);
        EXPECT_EQ(end.error->code, "timeout");
        EXPECT_EQ(end.error->kind, base::ErrorKind::transient);
        EXPECT_THAT(end.error->detail, HasSubstr(cases[i].operation));
        EXPECT_THAT(end.error->detail, HasSubstr("no progress for "));
    }
    EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(40));
    ASSERT_TRUE(server->set_faults("ListObjectsV2 drip=1"));
    const JobSnapshot end = run(request("list.zip"));
    ASSERT_EQ(end.state, JobState::failed);
    EXPECT_THAT(end.error->detail, HasSubstr("no progress for "));
    for (const Case& one : cases) expect_nothing_left(one.key);
}

}  // namespace
}  // namespace archive::test
