// What one job may have at once, and how often all of them ask S3.
#include <gmock/gmock.h>

#include "engine_fixture.h"

namespace archive::test {
namespace {

using std::chrono::steady_clock;

double seconds_since(steady_clock::time_point began) {
    return std::chrono::duration<double>(steady_clock::now() - began).count();
}

class EngineBudgets : public EngineTest {};
ON_ENGINES(EngineBudgets);

TEST_P(EngineBudgets, AJobKeepsItsBudgets) {
    for (int i = 0; i < 40; ++i) put("k" + std::to_string(i), random_text(i, kMiB));
    EngineConfig with = config(2, 128);
    with.job_memory_bytes = 20 * kMiB;
    with.job_connections_max = 2;
    start_engine(std::move(with));
    std::uint64_t most = 0;
    RunningJob running = start(request());
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
TEST_P(EngineBudgets, AJobWithABudgetBelowAPartStillEnds) {
    for (int i = 0; i < 30; ++i) put("k" + std::to_string(i), random_text(i, kMiB));
    EngineConfig with = config(2, 64);
    with.job_memory_bytes = kMiB;
    with.job_connections_max = 1;
    with.part_size_bytes = 20 * kMiB;
    start_engine(std::move(with));
    expect_archive(request());
}

TEST_P(EngineBudgets, RequestsKeepTheRateOfAllAndOfEachJob) {
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
    RunningJob one = start(request("one")), two = start(request("two"));
    EXPECT_EQ(one.wait().state, JobState::succeeded);
    EXPECT_EQ(two.wait().state, JobState::succeeded);
    EXPECT_GE(seconds_since(began), 0.58);
    EXPECT_LE(seconds_since(began), 1.1);  // side by side
}

}  // namespace
}  // namespace archive::test
