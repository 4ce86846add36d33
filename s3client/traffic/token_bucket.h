// So many turns a second, evenly: what a setting allows, where RateGovernor finds out what S3 does.
// Pure: the caller brings the time and does the waiting. Not thread-safe.
#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.h"

namespace s3client {

class TokenBucket {
  public:
    // What may go at once after a rest: smooths the timers' grain.
    static constexpr double kBurst_s = 0.02;

    explicit TokenBucket(double per_second)  // above 0
        : per_second_(per_second), tokens_(burst()) {}

    // Takes one turn; else how long until there is one.
    std::optional<base::Duration> take(base::SteadyTime now) {
        tokens_ = filled(now);
        at_ = now;
        if (tokens_ < 1) {
            return std::chrono::ceil<base::Duration>(
                std::chrono::duration<double>((1 - tokens_) / per_second_));
        }
        tokens_ -= 1;
        return std::nullopt;
    }
    void give_back() { tokens_ = std::min(burst(), tokens_ + 1); }
    // From now on; above 0. Who waits for a turn already waits as long as it was told.
    void set_rate(double per_second) { per_second_ = per_second; }
    // As good as a new one.
    bool is_idle(base::SteadyTime now) const { return filled(now) >= burst(); }

  private:
    double burst() const { return std::max(1.0, per_second_ * kBurst_s); }
    double filled(base::SteadyTime now) const {
        const double passed_s = std::chrono::duration<double>(now - at_).count();
        return std::min(burst(), tokens_ + per_second_ * passed_s);
    }

    double per_second_;
    double tokens_;
    base::SteadyTime at_{};
};

}  // namespace s3client
