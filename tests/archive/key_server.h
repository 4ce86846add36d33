// A container's credentials endpoint in the test's process, which hands out keys that s3sim takes
// and then refuses: when they expire, or all of a sudden. A thread of its own retires them; it ends
// with the object.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "../s3client/fake_http.h"
#include "base/clock.h"
#include "s3client/environment.h"
#include "s3sim/server.h"

namespace archive::test {

class KeyServer {
  public:
    using Clock = std::chrono::system_clock;

    // New keys for each who asks; s3sim takes them until they expire.
    KeyServer(s3sim::Server& sim, std::chrono::milliseconds lifetime)
        : sim_(sim), lifetime_(lifetime) {
        sim_.set_credentials("nobody", "nothing");
        thread_ = std::thread([this] { retire_expired(); });
    }
    ~KeyServer() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    KeyServer(const KeyServer&) = delete;
    KeyServer& operator=(const KeyServer&) = delete;

    s3client::Environment environment() const {
        return s3client::fixed_environment(
            {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", http_.url() + "/keys"}});
    }
    // From now on all keys given so far are refused.
    void rotate() {
        const std::lock_guard lock(mutex_);
        valid_.clear();
        sim_.set_credentials("nobody", "nothing");
    }
    int given() {
        const std::lock_guard lock(mutex_);
        return given_;
    }

    std::size_t valid() {
        const std::lock_guard lock(mutex_);
        return valid_.size();
    }

  private:
    struct Key {
        std::string id;
        Clock::time_point expires_at;
    };

    std::string give() {
        const std::lock_guard lock(mutex_);
        Key key{"key-" + std::to_string(++given_),
                std::chrono::time_point_cast<std::chrono::milliseconds>(Clock::now()) + lifetime_};
        valid_.push_back(key);
        tell();
        changed_.notify_all();
        const auto expires_at =
            std::chrono::time_point_cast<std::chrono::milliseconds>(key.expires_at);
        return s3client::FakeHttp::answer(
            200, R"({"AccessKeyId":")" + key.id +
                     R"(","SecretAccessKey":"secret","Token":"token",)" + R"("Expiration":")" +
                     base::format_rfc3339(base::UtcTime(expires_at.time_since_epoch())) + "\"}");
    }
    // Under the lock.
    void tell() {
        if (valid_.empty()) {
            sim_.set_credentials("nobody", "nothing");
            return;
        }
        sim_.set_credentials(valid_.back().id, "secret", "token");
        for (std::size_t i = 0; i + 1 < valid_.size(); ++i)
            sim_.accept_too(valid_[i].id, "secret", "token");
    }
    void retire_expired() {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            if (valid_.empty()) {
                changed_.wait(lock);
            } else if (Clock::now() < valid_.front().expires_at) {
                changed_.wait_until(lock, valid_.front().expires_at);
            } else {
                valid_.pop_front();
                tell();
            }
        }
    }

    s3sim::Server& sim_;
    const std::chrono::milliseconds lifetime_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    int given_ = 0;
    std::deque<Key> valid_;
    s3client::FakeHttp http_{[this](const std::string&) { return give(); }};
    std::thread thread_;
};

}  // namespace archive::test
