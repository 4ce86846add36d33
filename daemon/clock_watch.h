// Time that does not jump, for ages: how long s3zipd has been in service, summed over all processes
// on one journal. The wall clock may jump by years; what is forgotten for its age is gone. Also
// notices such jumps, for the log. Pure: the caller brings both clocks' times. Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/clock.h"
#include "config/limits.h"

namespace s3zipd {

class ClockWatch {
  public:
    // `before`: what earlier processes have left in the journal.
    void start(base::SteadyTime now, std::chrono::seconds before) {
        started_at_ = now;
        before_ = kept_ = before;
    }
    // Does not pass while s3zipd is not running. Zero before start().
    std::chrono::seconds service_time(base::SteadyTime now) const {
        if (!started_at_) return std::chrono::seconds::zero();
        return before_ + std::chrono::floor<std::chrono::seconds>(now - *started_at_);
    }
    // The service time, if it has moved on by `step` since it was last to be kept.
    std::optional<std::chrono::seconds> to_keep(base::SteadyTime now, std::chrono::seconds step) {
        const auto time = service_time(now);
        if (time < kept_ + std::max(step, std::chrono::seconds(1))) return std::nullopt;
        kept_ = time;
        return time;
    }

    // To be called now and then. How far the wall clock has jumped since the last call, if it has.
    std::optional<base::Duration> look(base::SteadyTime steady, base::UtcTime utc) {
        const auto offset = std::chrono::duration_cast<base::Duration>(utc.time_since_epoch() -
                                                                       steady.time_since_epoch());
        const base::Duration moved =
            last_offset_ ? std::chrono::abs(offset - *last_offset_) : base::Duration::zero();
        last_offset_ = offset;
        if (moved <= config::kClockJump) return std::nullopt;
        return moved;
    }

  private:
    std::optional<base::SteadyTime> started_at_;
    std::chrono::seconds before_{}, kept_{};
    std::optional<base::Duration> last_offset_;
};

}  // namespace s3zipd
