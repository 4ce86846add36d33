#include "daemon/metrics_writer.h"

#include <gtest/gtest.h>

namespace s3zipd {
namespace {

using std::chrono::milliseconds;

constexpr std::array<base::Duration, 2> kBounds = {milliseconds(5), milliseconds(2500)};

TEST(MetricsWriter, AHistogramIsCumulative) {
    base::Histogram<kBounds> histogram;
    histogram.observe(milliseconds(4));
    histogram.observe(milliseconds(6));
    histogram.observe(milliseconds(3000));
    MetricsWriter w;
    w.histogram("wait_seconds", "How long.");
    w.sample(histogram.snapshot(), "state=\"x\"");
    EXPECT_EQ(w.take(), R"(# HELP s3zipd_wait_seconds How long.
# TYPE s3zipd_wait_seconds histogram
s3zipd_wait_seconds_bucket{state="x",le="0.005"} 1
s3zipd_wait_seconds_bucket{state="x",le="2.5"} 2
s3zipd_wait_seconds_bucket{state="x",le="+Inf"} 3
s3zipd_wait_seconds_sum{state="x"} 3.01
s3zipd_wait_seconds_count{state="x"} 3
)");
}

TEST(MetricsWriter, AHistogramNeedsNoLabels) {
    const base::Histogram<kBounds> histogram;
    MetricsWriter w;
    w.histogram("wait_seconds", "How long.");
    w.sample(histogram.snapshot());
    const std::string text = w.take();
    EXPECT_NE(text.find("\ns3zipd_wait_seconds_bucket{le=\"0.005\"} 0\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("\ns3zipd_wait_seconds_count 0\n"), std::string::npos) << text;
}

TEST(MetricsWriter, ASampleHasItsLabels) {
    MetricsWriter w;
    w.gauge("jobs", "Jobs.");
    w.sample(7, "state=\"queued\"");
    w.one_counter("bytes_total", "Bytes.", 8);
    EXPECT_EQ(w.take(),
              "# HELP s3zipd_jobs Jobs.\n# TYPE s3zipd_jobs gauge\n"
              "s3zipd_jobs{state=\"queued\"} 7\n"
              "# HELP s3zipd_bytes_total Bytes.\n# TYPE s3zipd_bytes_total counter\n"
              "s3zipd_bytes_total 8\n");
}

}  // namespace
}  // namespace s3zipd
