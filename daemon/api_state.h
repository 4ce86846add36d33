// What all connections of the API share: bounds, gauges, counters. Atomics only: any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/histogram.h"
#include "config/limits.h"

namespace s3zipd {

// Defaults are config/limits.h's; tests make them small.
struct ApiLimits {
    std::size_t threads = config::kApiThreads;
    std::size_t connections_max = 4096;
    std::size_t strangers_max = config::kApiStrangersMax;
    std::size_t event_streams_max = 3072;
    std::size_t plans_max = config::kPlansMax;
    std::uint64_t body_bytes_max = config::kApiBodyBytesMax;
    std::uint64_t bodies_bytes_max = config::kApiBodiesBytesMax;
    std::chrono::milliseconds idle_timeout = config::kApiIdleTimeout;
    std::chrono::milliseconds header_timeout = config::kApiHeaderTimeout;
    std::chrono::milliseconds body_timeout = config::kApiBodyTimeout;
    std::chrono::milliseconds write_timeout = config::kApiWriteTimeout;
    std::chrono::milliseconds linger_timeout = config::kApiLingerTimeout;
    std::chrono::milliseconds event_interval = config::kApiEventInterval;
    std::chrono::milliseconds event_heartbeat = config::kApiEventHeartbeat;
    std::chrono::milliseconds feed_interval = config::kApiFeedInterval;
    std::chrono::milliseconds overview_interval = config::kApiOverviewInterval;
    std::chrono::milliseconds feed_time = config::kApiFeedTime;
    std::chrono::milliseconds plan_timeout = config::kPlanTimeout;
    std::chrono::milliseconds journal_timeout = config::kJournalTimeout;
    std::chrono::milliseconds download_timeout = config::kDownloadTimeout;
};

struct ApiState {
    std::atomic<bool> stopping{false};
    std::atomic<std::size_t> connections{0};
    std::atomic<std::uint64_t> connections_put_out{0};  // to make room
    std::atomic<std::size_t> event_streams{0};
    std::atomic<std::size_t> plans{0};
    std::atomic<std::uint64_t> bodies_bytes{0};             // being received or parsed
    std::array<std::atomic<std::uint64_t>, 600> answers{};  // by status
    // From the end of a request's head to the end of its answer, by Routes::list(). No streams.
    static constexpr std::size_t kRoutesMax = 32;
    std::array<base::Histogram<base::kLocalBounds>, kRoutesMax> durations;
};

// A place under a bound, given back when this dies. Empty if there was none.
template <typename Number>
class Ticket {
  public:
    static Ticket take(std::atomic<Number>& gauge, Number amount, Number max) {
        Number now = gauge.load();
        do {
            if (amount > max || now > max - amount) return {};
        } while (!gauge.compare_exchange_weak(now, now + amount));
        Ticket ticket;
        ticket.gauge_ = &gauge;
        ticket.amount_ = amount;
        return ticket;
    }
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : gauge_(std::exchange(other.gauge_, nullptr)), amount_(other.amount_) {}
    Ticket& operator=(Ticket&& other) noexcept {
        std::swap(gauge_, other.gauge_);
        std::swap(amount_, other.amount_);
        return *this;
    }
    ~Ticket() {
        if (gauge_ != nullptr) gauge_->fetch_sub(amount_);
    }
    explicit operator bool() const { return gauge_ != nullptr; }

  private:
    std::atomic<Number>* gauge_ = nullptr;
    Number amount_ = 0;
};

}  // namespace s3zipd
