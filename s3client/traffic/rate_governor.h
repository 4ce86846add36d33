// How many requests a second one endpoint takes from us, found out from its 503s.
//
// No limit until the first 503. Then the rate falls to a share of what was answered well in the
// last second, climbs back to where it was refused, stays near for a while, and goes on beyond: the
// growth function of CUBIC (RFC 9438) on requests instead of bytes, as the SDKs' adaptive mode has
// it; the store may have grown meanwhile. A store that refuses everything is asked a few times a
// second, and twice as often each second once it answers. Refusals of requests that were under way
// when the rate fell are not counted again.
//
// Pure: the caller brings the time and does the waiting. Not thread-safe; each reactor has its own,
// and they share a rate as CUBIC's flows share a link.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace s3client {

class RateGovernor {
  public:
    static constexpr double kFall = 0.85;
    static constexpr double kPlateau_s = 4;  // from the fall back to the rate that was refused
    // A second. A single 503 while little is asked for says little: no first fall goes below this.
    static constexpr double kFirstFallMin = 100;
    static constexpr double kRateMin = 1;
    static constexpr double kProbe = 4;  // while everything is refused
    static constexpr base::Duration kReaction = std::chrono::milliseconds(500);

    // Takes one request's turn; else how long until there is one.
    std::optional<base::Duration> take(base::SteadyTime now);
    void on_answered(base::SteadyTime now);  // any answer but a refusal
    void on_throttled(base::SteadyTime now);

    bool limited() const { return limited_; }
    double rate(base::SteadyTime now) const;  // a second; REQUIRES limited()

  private:
    // Events of the last second: those of the calendar second under way, and a share of the one
    // before.
    class Count {
      public:
        void add(base::SteadyTime now);
        double last_second(base::SteadyTime now);

      private:
        base::SteadyTime second_at_{};
        double here_ = 0, before_ = 0;
    };

    bool limited_ = false;
    bool refused_all_ = false;  // when it fell
    double ceiling_ = 0;        // where the last refusal came
    base::SteadyTime fell_at_{};
    double tokens_ = 0;
    base::SteadyTime tokens_at_{};
    Count asked_, answered_;
};

}  // namespace s3client
