// Shows a job while it runs. On a terminal one line is drawn over and over; elsewhere a line comes
// with each change of state, each tenth of the bytes, and at least every kQuietMax.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/console.h"
#include "cli/job_view.h"

namespace cli {

class ProgressDisplay {
  public:
    static constexpr std::chrono::seconds kQuietMax{30};

    // quiet: shows nothing at all (--json). The console and the clock outlive it.
    ProgressDisplay(const Console& console, bool quiet, base::Clock& clock)
        : console_(console), quiet_(quiet), clock_(clock) {}
    ~ProgressDisplay() { finish(); }
    ProgressDisplay(const ProgressDisplay&) = delete;
    ProgressDisplay& operator=(const ProgressDisplay&) = delete;

    void show(const JobView& job);
    void finish();  // leaves the terminal's line, so that other output may follow

  private:
    bool is_news(const JobView& job);

    const Console& console_;
    const bool quiet_;
    base::Clock& clock_;
    bool line_is_open_ = false;
    std::string last_state_;
    std::uint64_t last_tenth_ = 0;
    std::optional<base::SteadyTime> last_at_;
};

// The end of a job, or its present state, for people; a failure's reason goes to err.
void print_outcome(const Console& console, const JobView& job);
void print_job(const Console& console, const JobView& job);
// `who` would run the job: "this daemon".
void print_plan(const Console& console, const PlanView& plan, std::string_view who);

}  // namespace cli
