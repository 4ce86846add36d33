#include "cli/progress.h"

#include <gtest/gtest.h>

namespace {

using namespace cli;
using namespace std::chrono_literals;

JobView running() {
    JobView job;
    job.state = "running";
    job.progress.objects_total = 3000;
    job.progress.objects_done = 1260;
    job.progress.bytes_total = 15'728'640'000;
    job.progress.bytes_done = 6'606'028'800;
    job.progress.bytes_per_second = 812e6;
    job.progress.eta_seconds = 11;
    return job;
}

TEST(ProgressLine, Wide) {
    EXPECT_EQ(progress_line(running(), 110),
              "running    42% [#############------------------]  6.61 GB / 15.7 GB  812 MB/s  ETA "
              "0:11  1,260 / 3,000 "
              "objects");
}

TEST(ProgressLine, NeverWiderThanTheTerminal) {
    for (unsigned width = 0; width <= 200; ++width) {
        EXPECT_LE(progress_line(running(), width).size(), width) << width;
    }
}

TEST(ProgressLine, GivesUpTheLeastImportantFirst) {
    EXPECT_EQ(progress_line(running(), 79),
              "running    42% [#########--------------]  6.61 GB / 15.7 GB  812 MB/s  ETA 0:11");
    EXPECT_EQ(progress_line(running(), 60),
              "running    42% [#####---------]  6.61 GB / 15.7 GB  812 MB/s");
    EXPECT_EQ(progress_line(running(), 40), "running    42%  6.61 GB / 15.7 GB");
    EXPECT_EQ(progress_line(running(), 14), "running    42%");
}

TEST(ProgressLine, BeforeThePlanAndAfterTheEnd) {
    JobView job;
    job.state = "planning";
    EXPECT_EQ(progress_line(job, 80), "planning");
    job.progress.objects_total = 1234;
    EXPECT_EQ(progress_line(job, 80), "planning  1,234 objects");
    job = running();
    job.state = "succeeded";
    job.progress.bytes_done = job.progress.bytes_total;
    EXPECT_EQ(progress_line(job, 60),
              "succeeded 100% [########################]  15.7 GB / 15.7 GB");
}

TEST(ProgressLine, OneHundredPercentIsAllOfIt) {
    JobView job = running();
    job.progress.bytes_done = job.progress.bytes_total - 1;
    EXPECT_NE(progress_line(job, 80).find(" 99%"), std::string::npos);
    job.progress.bytes_done = job.progress.bytes_total + 1;  // a peer may say so
    EXPECT_NE(progress_line(job, 80).find("100%"), std::string::npos);
}

TEST(PlainLine, HasEverythingButTheBar) {
    EXPECT_EQ(plain_line(running()),
              "running  42%  6.61 GB / 15.7 GB  812 MB/s  ETA 0:11  1,260 / 3,000 objects");
}

TEST(RateMeter, CountsTheLastSecondsOnly) {
    RateMeter meter;
    base::SteadyTime now{};
    meter.add(now, 1000);
    EXPECT_EQ(meter.bytes_per_second(), 0);
    for (int i = 0; i < 100; ++i) meter.add(now += 1s, 1000);  // stalled
    EXPECT_EQ(meter.bytes_per_second(), 0);
    for (std::uint64_t i = 1; i <= 100; ++i) meter.add(now += 1s, 1000 + i * 500);
    EXPECT_DOUBLE_EQ(meter.bytes_per_second(), 500);
}

}  // namespace
