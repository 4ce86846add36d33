// Remembers what was asked for, if the options say so: for tests that must know which header went
// with which request. Thread-safe.
#pragma once

#include <mutex>
#include <vector>

#include "s3sim/operations.h"
#include "s3sim/server.h"

namespace s3sim {

class Recorder {
  public:
    static constexpr std::size_t kRequestsMax = 100'000;  // later ones are not kept

    void add(const Exchange& exchange) {
        RecordedRequest request;
        request.operation = operation_name(exchange.operation);
        request.bucket = exchange.request.bucket;
        request.key = exchange.request.key;
        for (const auto& [name, value] : exchange.request.headers)
            request.headers.emplace(name, value);
        const std::scoped_lock lock(mutex_);
        if (requests_.size() < kRequestsMax) requests_.push_back(std::move(request));
    }
    std::vector<RecordedRequest> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }
    void clear() {
        const std::scoped_lock lock(mutex_);
        requests_.clear();
    }

  private:
    mutable std::mutex mutex_;
    std::vector<RecordedRequest> requests_;
};

}  // namespace s3sim
