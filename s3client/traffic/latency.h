// How long requests take: a histogram of durations that forgets, for asking "how long do nearly all
// of them take".
//
// Pure and cheap: adding is one logarithm, a quantile a walk over some hundred counters. Buckets
// grow by a tenth, so a quantile is right to 10 %. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"

namespace s3client {

class LatencyHistogram {
  public:
    void add(base::Duration duration);
    // Of those remembered; rounded up to the end of its bucket. REQUIRES count() > 0.
    base::Duration quantile(double q) const;
    std::uint64_t count() const { return count_; }

  private:
    static constexpr std::size_t kBuckets = 160;  // 50 us .. 190 s
    // When there are so many, each counts half from then on: what was slow this morning may be fast
    // now.
    static constexpr std::uint64_t kCountMax = 2'000;
    std::array<std::uint32_t, kBuckets> buckets_{};
    std::uint64_t count_ = 0;
};

}  // namespace s3client
