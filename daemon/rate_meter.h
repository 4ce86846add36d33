// How fast a counter grows, over its last few samples. Plain data, no clock of its own: the caller
// says when.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "config/limits.h"

namespace s3zipd {

class RateMeter {
  public:
    void add(base::SteadyTime now, std::uint64_t total) {
        samples_[count_ % samples_.size()] = {now, total};
        ++count_;
    }

    // Per second between the oldest sample kept and the newest; 0 until there are two.
    std::uint64_t per_second() const {
        if (count_ < 2) return 0;
        const Sample& newest = samples_[(count_ - 1) % samples_.size()];
        const Sample& oldest = samples_[count_ < samples_.size() ? 0 : count_ % samples_.size()];
        const double seconds = std::chrono::duration<double>(newest.time - oldest.time).count();
        if (seconds <= 0 || newest.total <= oldest.total) return 0;
        return static_cast<std::uint64_t>(static_cast<double>(newest.total - oldest.total) /
                                          seconds);
    }

  private:
    struct Sample {
        base::SteadyTime time;
        std::uint64_t total = 0;
    };
    std::array<Sample, config::kRateSamples> samples_{};
    std::size_t count_ = 0;
};

}  // namespace s3zipd
