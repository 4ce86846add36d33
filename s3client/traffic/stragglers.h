// Which requests are slow enough to be sent a second time, and how many may be.
//
// A request is a straggler when its answer takes longer to begin than that of nearly all before it,
// or its body moves far slower than theirs. The first is raced: sent again while the first one
// still runs, whichever answers first wins. How many is bounded by a share of all requests, so a
// store that is slow for everybody is not asked twice for everything.
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html,
// "Timeouts and retries for latency-sensitive applications".)
//
// Pure: the caller brings the times. One for each kind of request of a client; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "s3client/traffic/latency.h"

namespace s3client {

// Tokens: one second request costs one, requests that end earn a share of one.
class HedgeBudget {
  public:
    static constexpr double kStart = 2;
    static constexpr double kShare = 0.015;
    static constexpr double kMax = 20;
    void on_request() { tokens_ = tokens_ + kShare < kMax ? tokens_ + kShare : kMax; }
    bool has_one() const { return tokens_ >= 1; }
    void take() { tokens_ -= 1; }  // REQUIRES has_one(), or a little later

  private:
    double tokens_ = kStart;
};

class Stragglers {
  public:
    // What is known after so few is not acted upon; until then an answer may take so long.
    static constexpr std::uint64_t kSamplesMin = 16;
    static constexpr base::Duration kWaitUnknown = std::chrono::seconds(1);
    // Nobody is a straggler sooner than this: S3 itself takes 100 to 200 ms on a normal day, and a
    // busy machine may keep an answer waiting as long.
    static constexpr base::Duration kWaitMin = std::chrono::milliseconds(200);
    static constexpr base::Duration kTransferMin = std::chrono::seconds(2);

    // From the last byte sent to the first received; of one that was given up: until then.
    void answered_after(base::Duration wait) { waits_.add(wait); }
    // A body of `bytes`, in either direction.
    void moved(std::uint64_t bytes, base::Duration took);

    // When an answer is late: after the p99, or after three times the p90 where the tail is so fat
    // that it hides the p99.
    base::Duration late_after() const;
    // When `bytes` take too long: four times what the p99 of bodies would take. None: not known.
    std::optional<base::Duration> slow_after(std::uint64_t bytes) const;

  private:
    LatencyHistogram waits_;
    LatencyHistogram paces_;  // time for a MiB
};

}  // namespace s3client
