// How slow the simulated S3 is: when an answer's first byte comes, how many requests a second are
// taken, how many bytes a second the host moves. Thread-safe; none of it waits, callers arm timers.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace s3sim {

// From "30ms,jitter=20ms,tail=1%:3s,tail=0.1%:10s,seed=7": 30 ms, and up to 20 more (evenly); one
// answer in a hundred takes 3 s instead of the 30 ms. "first-byte=30ms" is the same as "30ms", and
// "p99=3s" as "tail=1%:3s" ("p99.9": 0.1%). Times in us, ms or s. The n-th answer's delay depends
// on the seed and n alone.
class LatencyModel {
  public:
    static base::Result<LatencyModel> parse(std::string_view text);
    base::Duration delay(std::uint64_t n) const;

  private:
    struct Tail {
        double chance;
        base::Duration delay;
    };
    base::Status take(std::string_view name, std::string_view value);
    base::Duration first_byte_{0};
    base::Duration jitter_{0};
    std::vector<Tail> tails_;
    std::uint64_t seed_ = 0;
};

// So many a second, and as many at once after a second of rest. A rate of 0 is no limit.
class TokenBucket {
  public:
    explicit TokenBucket(std::uint32_t per_second) : rate_(per_second), tokens_(per_second) {}
    bool take(base::SteadyTime now);

  private:
    std::mutex mutex_;
    const double rate_;
    double tokens_;
    base::SteadyTime at_{};
};

// One direction of the host's network, dealt out in the order of asking. Each who asks gets a time
// of their own, so that thousands can wait without being woken in vain.
class SharedBandwidth {
  public:
    explicit SharedBandwidth(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}
    bool limited() const { return rate_ != 0; }
    base::SteadyTime reserve(std::uint64_t bytes, base::SteadyTime now);  // when they may move

  private:
    const std::uint64_t rate_;
    std::mutex mutex_;
    base::SteadyTime free_at_{};
};

// What one server's connections share. The latency is set before they start.
struct HostTiming {
    explicit HostTiming(std::uint64_t bandwidth) : in(bandwidth), out(bandwidth) {}
    base::Duration next_latency() {
        return latency.delay(answers.fetch_add(1, std::memory_order_relaxed));
    }
    LatencyModel latency;
    std::atomic<std::uint64_t> answers{0};
    SharedBandwidth in, out;
};

}  // namespace s3sim
