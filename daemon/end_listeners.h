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
        listeners_.emplace(next_token_, Listener{std::string(job), std::move(on_end)});
        return next_token_++;
    }
    void remove(std::uint64_t token) {
        const std::lock_guard lock(mutex_);
        listeners_.erase(token);
    }
    void call(const std::string& job) {
        const std::lock_guard lock(mutex_);
        for (const auto& [token, listener] : listeners_) {
            if (listener.job == job) listener.on_end();
        }
    }

  private:
    struct Listener {
        std::string job;
        std::function<void()> on_end;
    };
    std::mutex mutex_;
    std::map<std::uint64_t, Listener> listeners_;
    std::uint64_t next_token_ = 1;
};

}  // namespace s3zipd
