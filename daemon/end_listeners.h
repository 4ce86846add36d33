// Who waits for jobs to end: event streams. Thread-safe; each is called once, with the lock held,
// so it may only post.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace s3zipd {

class EndListeners {
  public:
    std::uint64_t add(std::string_view job, std::function<void()> on_end) {
        const std::lock_guard lock(mutex_);
        const auto at = listeners_.emplace(job, std::move(on_end));
        by_token_.emplace(next_token_, at);
        return next_token_++;
    }
    void remove(std::uint64_t token) {
        const std::lock_guard lock(mutex_);
        const auto found = by_token_.find(token);
        if (found == by_token_.end()) return;
        listeners_.erase(found->second);
        by_token_.erase(found);
    }
    void call(const std::string& job) {
        const std::lock_guard lock(mutex_);
        const auto [first, last] = listeners_.equal_range(job);
        for (auto at = first; at != last; ++at) at->second();
    }

  private:
    using Listeners = std::multimap<std::string, std::function<void()>>;  // by job
    std::mutex mutex_;
    Listeners listeners_;
    std::map<std::uint64_t, Listeners::iterator> by_token_;
    std::uint64_t next_token_ = 1;
};

}  // namespace s3zipd
