// One line that says how far a job is. Pure: text in, text out; whoever has a terminal draws it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/clock.h"
#include "cli/job_view.h"

namespace cli {

// "running  42% [########------------]  6.61 / 15.7 GB  1,260 / 3,000 objects  812 MB/s  ETA 0:11",
// never longer than width: the bar shrinks first, then objects, rate and ETA go, then the rest is
// cut.
std::string progress_line(const JobView& job, unsigned width);

// The same without a bar, for a log.
std::string plain_line(const JobView& job);

// Bytes a second over the last five seconds or so, for jobs whose counters we read ourselves. Holds
// at most kSamples.
class RateMeter {
  public:
    void add(base::SteadyTime now, std::uint64_t bytes_done);
    double bytes_per_second() const;

  private:
    static constexpr std::size_t kSamples = 64;
    struct Sample {
        base::SteadyTime at;
        std::uint64_t bytes_done;
    };
    std::deque<Sample> samples_;
};

}  // namespace cli
