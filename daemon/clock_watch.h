// Tells whether the clock on the wall can be trusted with ages: one that jumps ahead makes
// everything look old, and what is forgotten is gone. Pure: the caller brings both clocks' times.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"
#include "config/limits.h"

namespace s3zipd {

class ClockWatch {
  public:
    // To be called now and then. How far it has jumped since the last call, if it has.
    std::optional<base::Duration> look(base::SteadyTime steady, base::UtcTime utc) {
        const auto offset = std::chrono::duration_cast<base::Duration>(utc.time_since_epoch() -
                                                                       steady.time_since_epoch());
        const base::Duration moved =
            last_offset_ ? std::chrono::abs(offset - *last_offset_) : base::Duration::zero();
        last_offset_ = offset;
        if (moved <= config::kClockJump) return std::nullopt;
        trusted_from_ = steady + config::kClockJumpPause;
        return moved;
    }
    bool is_trusted(base::SteadyTime steady) const { return steady >= trusted_from_; }

  private:
    std::optional<base::Duration> last_offset_;
    base::SteadyTime trusted_from_{};
};

}  // namespace s3zipd
