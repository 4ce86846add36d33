// Jobs beside one another: a small one does not stand behind a big one, equal ones proceed alike,
// none has more than its budgets. S3's times are simulated and leave the machine idle, so that what
// is measured is who waits for whom; bounds leave room for a busy machine all the same.
#include <gmock/gmock.h>

#include "engine_fixture.h"

namespace archive::test {
namespace {

using std::chrono::steady_clock;

double seconds_since(steady_clock::time_point began) {
    return std::chrono::duration<double>(steady_clock::now() - began).count();
}

class EngineFairness : public EngineTest {
  protected:
    // 20 ms for an answer, as from afar, and a connection that is no faster than S3's.
    void start(s3sim::Options options) {
        options.latency = "20ms";
        options.bandwidth_per_connection = 40 << 20;
        options.sinks = {"void"};
        start_server(std::move(options));
        EngineConfig with = config(2, 128);
        with.connections_max = 32;
        start_engine(std::move(with));
    }
    static ArchiveRequest of(const std::string& bucket, const std::string& key) {
        ArchiveRequest what = request(key);
        what.sources.front().bucket = bucket;
        what.destination.bucket = "void";
        return what;
    }
    double time_of(const std::string& bucket, const std::string& key) {
        const auto began = steady_clock::now();
        const JobSnapshot job = run(of(bucket, key));
        EXPECT_EQ(job.state, JobState::succeeded) << (job.error ? job.error->to_string() : "");
        return seconds_since(began);
    }
    // How much longer a job takes beside another that is in full swing.
    double slowdown(const std::string& small, const std::string& big) {
        time_of(small, "warm-up");
        const double alone = std::min(time_of(small, "alone"), time_of(small, "again"));
        RunningJob running = EngineTest::start(of(big, "big"));
        wait_until([&] { return running.job->snapshot().parts_done >= 8; });
        const double beside = time_of(small, "beside");
        EXPECT_FALSE(has_ended(running.job->state())) << "the big one was too small";
        running.job->cancel();
        EXPECT_EQ(running.wait().state, JobState::cancelled);
        RecordProperty("alone_ms", static_cast<int>(alone * 1e3));
        RecordProperty("beside_ms", static_cast<int>(beside * 1e3));
        std::printf("alone %.2f s, beside %.2f s: %.2f times\n", alone, beside, beside / alone);
        return beside / alone;
    }
};
ON_ENGINES(EngineFairness);

// Some 1,000 requests for each part of the big one: its parts are slow.
constexpr const char* kManySmall = "count=150000,size=10000";

TEST_P(EngineFairness, AFewLargeObjectsBesideVeryManySmallOnes) {
    s3sim::Options options;
    options.synthetic = {{"big", kManySmall}, {"small", "count=6,size=16000000"}};
    start(std::move(options));
    EXPECT_LE(slowdown("small", "big"), 3);
}

TEST_P(EngineFairness, ManySmallObjectsBesideVeryManySmallOnes) {
    s3sim::Options options;
    options.synthetic = {{"big", kManySmall}, {"small", "count=3000,size=10000"}};
    start(std::move(options));
    EXPECT_LE(slowdown("small", "big"), 3);
}

TEST_P(EngineFairness, EqualJobsProceedAlike) {
    constexpr int kJobs = 20;
    s3sim::Options options;
    options.synthetic = {{"equal", "count=72,size=1000000"}};
    start(std::move(options));
    std::mutex mutex;
    std::vector<double> ends;
    std::vector<RunningJob> jobs;
    const auto began = steady_clock::now();
    for (int i = 0; i < kJobs; ++i) {
        ArchiveRequest what = of("equal", "k" + std::to_string(i));
        what.options.part_size_bytes = 10 * kMiB;
        jobs.push_back(EngineTest::start(std::move(what), [&](const auto& job) {
            if (!has_ended(job->state())) return;
            const std::lock_guard lock(mutex);
            ends.push_back(seconds_since(began));
        }));
    }
    for (RunningJob& job : jobs) EXPECT_EQ(job.wait().state, JobState::succeeded);
    const auto [first, last] = std::ranges::minmax(ends);
    std::printf("the first took %.2f s, the last %.2f s: %.2f times\n", first, last, last / first);
    EXPECT_LE(last, 1.25 * first);
}

// Twice the priority's 25 is four times the weight: most of it is done when the other is half way.
TEST_P(EngineFairness, PriorityIsAShare) {
    s3sim::Options options;
    options.synthetic = {{"equal", "count=12000,size=10000"}};
    start(std::move(options));
    ArchiveRequest low = of("equal", "low"), high = of("equal", "high");
    high.options.priority = 50;
    RunningJob first = EngineTest::start(std::move(low));
    wait_until([&] { return first.job->snapshot().parts_done >= 1; });
    RunningJob second = EngineTest::start(std::move(high));
    EXPECT_EQ(second.wait().state, JobState::succeeded);
    EXPECT_FALSE(has_ended(first.job->state()));
    EXPECT_EQ(first.wait().state, JobState::succeeded);
}

TEST_P(EngineFairness, AJobKeepsItsBudgets) {
    for (int i = 0; i < 40; ++i) put("k" + std::to_string(i), random_text(i, kMiB));
    EngineConfig with = config(2, 128);
    with.job_memory_bytes = 20 * kMiB;
    with.job_connections_max = 2;
    start_engine(std::move(with));
    std::uint64_t most = 0;
    RunningJob running = EngineTest::start(request());
    wait_until([&] {
        most = std::max(most, engine->stats().memory_in_use_bytes);
        return has_ended(running.job->state());
    });
    EXPECT_EQ(running.wait().state, JobState::succeeded);
    EXPECT_GT(most, 0U);
    EXPECT_LE(most, 20 * kMiB);
    EXPECT_TRUE(verify("a.zip"));
}

// A part needs more than the budget of the job: it has one of them at a time.
TEST_P(EngineFairness, AJobWithABudgetBelowAPartStillEnds) {
    for (int i = 0; i < 30; ++i) put("k" + std::to_string(i), random_text(i, kMiB));
    EngineConfig with = config(2, 64);
    with.job_memory_bytes = kMiB;
    with.job_connections_max = 1;
    with.part_size_bytes = 20 * kMiB;
    start_engine(std::move(with));
    expect_archive(request());
}

TEST_P(EngineFairness, RequestsKeepTheRateOfAllAndOfEachJob) {
    for (int i = 0; i < 30; ++i) put("k" + std::to_string(i), random_text(i, 1'000));
    EngineConfig with = config(1, 64);
    with.requests_per_second = 100;
    start_engine(with);
    auto began = steady_clock::now();
    expect_archive(request("all"));
    EXPECT_GE(seconds_since(began), 0.28);
    with.requests_per_second = 0;
    with.job_requests_per_second = 50;
    start_engine(std::move(with));
    began = steady_clock::now();
    RunningJob one = EngineTest::start(request("one")), two = EngineTest::start(request("two"));
    EXPECT_EQ(one.wait().state, JobState::succeeded);
    EXPECT_EQ(two.wait().state, JobState::succeeded);
    EXPECT_GE(seconds_since(began), 0.58);
    EXPECT_LE(seconds_since(began), 1.1);  // side by side
}

}  // namespace
}  // namespace archive::test
