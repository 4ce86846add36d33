// Jobs beside one another: a small one does not stand behind a big one, equal ones proceed alike.
// S3's times are simulated and leave the machine idle, so that what
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
    options.synthetic = {{"big", kManySmall}, {"small", "count=6,size=12000000"}};
    start(std::move(options));
    EXPECT_LE(slowdown("small", "big"), 3);
}

TEST_P(EngineFairness, ManySmallObjectsBesideVeryManySmallOnes) {
    s3sim::Options options;
    options.synthetic = {{"big", kManySmall}, {"small", "count=1500,size=10000"}};
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
    EXPECT_LE(last, 1.2 * first);
}

// 50 are four times the share. What the first holds already when the other comes is not counted.
TEST_P(EngineFairness, PriorityIsAShare) {
    s3sim::Options options;
    options.synthetic = {{"big", kManySmall}};
    start(std::move(options));
    ArchiveRequest low = of("big", "low"), high = of("big", "high");
    high.options.priority = 50;
    RunningJob first = EngineTest::start(std::move(low));
    wait_until([&] { return first.job->snapshot().parts_done >= 2; });
    RunningJob second = EngineTest::start(std::move(high));
    const auto parts = [](const RunningJob& running) { return running.job->snapshot().parts_done; };
    wait_until([&] { return parts(second) >= 6; });
    const std::uint64_t before = parts(first);
    wait_until([&] { return parts(second) >= 18; });
    std::printf("12 parts, the other %d\n", static_cast<int>(parts(first) - before));
    EXPECT_LE(parts(first) - before, 6U);
    for (RunningJob* running : {&first, &second}) {
        running->job->cancel();
        EXPECT_EQ(running->wait().state, JobState::cancelled);
    }
}

}  // namespace
}  // namespace archive::test
