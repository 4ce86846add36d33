// A histogram of durations in fixed buckets, as Prometheus has them: how many lasted up to each
// bound, how many longer, and their sum.
//
// Thread-safe, without a lock: observe() is two relaxed additions and a search of a short table,
// some 10 ns where no other thread writes to the same histogram. A snapshot taken meanwhile may
// have a duration in its count and not yet in its sum. No allocation but in snapshot().
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"

namespace base {

// What a histogram held at one moment. Those with the same bounds can be added up.
struct HistogramSnapshot {
    std::span<const Duration> bounds;   // upper ones, inclusive, rising; static memory
    std::vector<std::uint64_t> counts;  // of each bucket alone; the last is of all that is longer
    Duration sum{0};

    std::uint64_t count() const;
    // REQUIRES the same bounds, or none yet.
    HistogramSnapshot& operator+=(const HistogramSnapshot& other);
};

// `kBounds`: a constexpr array of Durations, rising.
template <const auto& kBounds>
class Histogram {
    static_assert(std::ranges::is_sorted(kBounds, std::ranges::less_equal()) && kBounds.size() > 0);

  public:
    // A clock that was set back does not take anything away.
    void observe(Duration lasted) {
        lasted = std::max(lasted, Duration::zero());
        const auto bucket = std::ranges::lower_bound(kBounds, lasted) - kBounds.begin();
        counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
        sum_.fetch_add(lasted.count(), std::memory_order_relaxed);
    }

    HistogramSnapshot snapshot() const {
        HistogramSnapshot s{kBounds, {}, Duration(sum_.load(std::memory_order_relaxed))};
        s.counts.reserve(counts_.size());
        for (const auto& count : counts_) s.counts.push_back(count.load(std::memory_order_relaxed));
        return s;
    }

  private:
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts_{};
    std::atomic<Duration::rep> sum_{0};
};

// Of one request over a network.
inline constexpr std::array<Duration, 13> kRequestBounds = {
    std::chrono::milliseconds(5),   std::chrono::milliseconds(10),  std::chrono::milliseconds(25),
    std::chrono::milliseconds(50),  std::chrono::milliseconds(100), std::chrono::milliseconds(250),
    std::chrono::milliseconds(500), std::chrono::seconds(1),        std::chrono::milliseconds(2500),
    std::chrono::seconds(5),        std::chrono::seconds(10),       std::chrono::seconds(30),
    std::chrono::seconds(60)};

// Of work on this machine that waits for its disk at most.
inline constexpr std::array<Duration, 12> kLocalBounds = {
    std::chrono::microseconds(100),  std::chrono::microseconds(250),
    std::chrono::microseconds(500),  std::chrono::milliseconds(1),
    std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),   std::chrono::milliseconds(25),
    std::chrono::milliseconds(50),   std::chrono::milliseconds(100),
    std::chrono::milliseconds(500),  std::chrono::milliseconds(2500)};

// Of a job, or of its time in a queue.
inline constexpr std::array<Duration, 13> kJobBounds = {
    std::chrono::milliseconds(100), std::chrono::milliseconds(500), std::chrono::seconds(1),
    std::chrono::seconds(5),        std::chrono::seconds(10),       std::chrono::seconds(30),
    std::chrono::minutes(1),        std::chrono::minutes(5),        std::chrono::minutes(15),
    std::chrono::hours(1),          std::chrono::hours(3),          std::chrono::hours(12),
    std::chrono::hours(24)};

}  // namespace base
