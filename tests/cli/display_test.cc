#include <gtest/gtest.h>
#include <sstream>

#include "cli/follow.h"

namespace {

using namespace cli;
using namespace std::chrono_literals;

class StoppedClock : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return now; }
    base::UtcTime utc_now() override { return {}; }
    base::SteadyTime now{};
};

JobView job_at(std::uint64_t done, const char* state = "running") {
    JobView job;
    job.state = state;
    job.progress.bytes_total = 1000;
    job.progress.bytes_done = done;
    return job;
}

struct Screen {
    std::ostringstream out, err;
    Console console{out, err, false, 80};
    StoppedClock clock;
};

TEST(ProgressDisplay, LinesOnlyWhenThereIsNews) {
    Screen screen;
    ProgressDisplay display(screen.console, false, screen.clock);
    display.show(job_at(0));
    display.show(job_at(1));  // same state, same tenth
    display.show(job_at(150));
    screen.clock.now += 29s;
    display.show(job_at(160));
    screen.clock.now += 1s;
    display.show(job_at(160));  // quiet for long
    display.show(job_at(160, "finishing"));
    display.finish();
    EXPECT_EQ(screen.err.str(),
              "running  0%  0 B / 1.00 kB\n"
              "running  15%  150 B / 1.00 kB\n"
              "running  16%  160 B / 1.00 kB\n"
              "finishing  16%  160 B / 1.00 kB\n");
    EXPECT_EQ(screen.out.str(), "");
}

TEST(ProgressDisplay, OneLineOverAndOverOnATerminal) {
    Screen screen;
    screen.console.err_is_terminal = true;
    screen.console.width = 20;
    {
        ProgressDisplay display(screen.console, false, screen.clock);
        display.show(job_at(0));
        display.show(job_at(500));
    }
    EXPECT_EQ(screen.err.str(), "\rrunning     0%  0 B\x1b[K\rrunning    50%  500\x1b[K\n");
}

TEST(ProgressDisplay, QuietSaysNothing) {
    Screen screen;
    ProgressDisplay display(screen.console, true, screen.clock);
    display.show(job_at(0));
    display.finish();
    EXPECT_EQ(screen.err.str(), "");
}

TEST(Outcome, NamesTheArchiveOrTheReason) {
    Screen screen;
    JobView job = job_at(1000, "succeeded");
    ResultView& result = job.result.emplace();
    result.bucket = "out";
    result.key = "x\x1b.zip";
    result.size = 1000;
    result.entries = 3000;
    result.duration_ms = 2000;
    result.cost_usd = 0.05;
    result.report.skipped = {{"src", "a", "not_found"}};
    result.report.skipped_total = 5;
    result.report.renamed = {{"src", "b:\x1b", "b__", "unsafe"},
                             {"src", "c\xff", "c_", "duplicate"}};
    result.report.renamed_total = 2;
    print_outcome(screen.console, job);
    EXPECT_EQ(screen.out.str(),
              "s3://out/x\\x1b.zip: 3,000 entries, 5 skipped, 2 renamed, 1.00 kB in 2.0 s (500 "
              "B/s), requests $0.0500\n");
    EXPECT_EQ(
        screen.err.str(),
        "skipped s3://src/a: not_found\n... and 4 more skipped; see --json\n"
        "renamed s3://src/b:\\x1b to b__: unsafe\nrenamed s3://src/c\\xff to c_: duplicate\n");

    Screen failed;
    job = job_at(10, "failed");
    job.id = "01J";
    job.error = ErrorView{"NoSuchKey", "the object does not exist", "src/a"};
    print_outcome(failed.console, job);
    EXPECT_EQ(failed.out.str(), "");
    EXPECT_EQ(failed.err.str(),
              "s3zip: 01J: failed: the object does not exist (src/a) [NoSuchKey]\n");
}

// Whoever types what is said to be needed has enough.
TEST(Outcome, StagesSayWhereAJobIs) {
    Screen screen;
    JobView job = job_at(1);
    job.stages = {
        {"queued", "a", "b", 200}, {"planning", "b", "c", 61'000}, {"running", "c", "", {}}};
    print_job(screen.console, job);
    EXPECT_NE(screen.out.str().find("queued 0.2 s, planning 1 m 01 s, running\n"),
              std::string::npos)
        << screen.out.str();
}

TEST(Outcome, APlanThatDoesNotFitSaysWhatItNeeds) {
    const auto said = [](std::uint64_t needed, std::uint64_t there) {
        Screen screen;
        PlanView plan;
        plan.memory_needed = needed;
        plan.memory = there;
        print_plan(screen.console, plan, "this daemon");
        const std::size_t at = screen.out.str().find("memory");
        return at == std::string::npos ? "" : screen.out.str().substr(at);
    };
    EXPECT_EQ(said(2ULL << 30, 256 << 20),
              "memory   2048 MiB needed, this daemon has 256 MiB: the job would fail\n");
    EXPECT_EQ(said((2ULL << 30) + 1, (256 << 20) - 1),
              "memory   2049 MiB needed, this daemon has 255 MiB: the job would fail\n");
    EXPECT_EQ(said(256 << 20, 256 << 20), "");
    EXPECT_EQ(said(1, 2), "");
    EXPECT_EQ(said(0, 0), "");  // a daemon that does not say
}

// Ten of each kind, then their number.
TEST(Outcome, NamesTheFirstFew) {
    Screen screen;
    PlanView plan;
    for (int i = 0; i < 12; ++i)
        plan.report.renamed.push_back({"src", std::to_string(i) + ":", "x", "unsafe"});
    plan.report.renamed_total = 1'000'012;
    print_plan(screen.console, plan, "this daemon");
    EXPECT_NE(screen.out.str().find("renamed  1,000,012\n"), std::string::npos) << screen.out.str();
    EXPECT_EQ(screen.out.str().find("skipped"), std::string::npos);
    EXPECT_NE(screen.err.str().find("renamed s3://src/9: to x: unsafe\n... and 1,000,002 more"),
              std::string::npos)
        << screen.err.str();

    JobView job = job_at(1000, "succeeded");
    job.result.emplace().report = plan.report;
    print_job(screen.console, job);
    EXPECT_NE(screen.out.str().find("renamed  1,000,012\n", 120), std::string::npos);
}

}  // namespace
