// Counters of one server. Thread-safe; an answer costs one short lock, bytes none.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "s3sim/operations.h"
#include "s3sim/server.h"

namespace s3sim {

class Counters {
  public:
    void answered(Operation operation, int status) {
        const std::scoped_lock lock(mutex_);
        ++answers_[{operation, status}];
    }
    void add_in(std::uint64_t bytes) { bytes_in_.fetch_add(bytes, std::memory_order_relaxed); }
    void add_out(std::uint64_t bytes) { bytes_out_.fetch_add(bytes, std::memory_order_relaxed); }
    void signature_failed() { signature_failures_.fetch_add(1, std::memory_order_relaxed); }
    void connected() {
        connections_accepted_.fetch_add(1, std::memory_order_relaxed);
        open_connections_.fetch_add(1, std::memory_order_relaxed);
    }
    void disconnected() { open_connections_.fetch_sub(1, std::memory_order_relaxed); }
    std::uint64_t open_connections() const {
        return open_connections_.load(std::memory_order_relaxed);
    }

    Stats read() const;  // what is counted here; the server adds the rest
    void reset();        // but not the number of open connections

  private:
    mutable std::mutex mutex_;
    std::map<std::pair<Operation, int>, std::uint64_t> answers_;
    std::atomic<std::uint64_t> bytes_in_{0}, bytes_out_{0}, signature_failures_{0};
    std::atomic<std::uint64_t> connections_accepted_{0}, open_connections_{0};
};

std::string stats_json(const Stats& stats);

}  // namespace s3sim
