// A Plug ends one life of the daemon: at its time, or in the middle of what S3, a receiver of
// notifications or a client of the daemon is doing, on that one's thread, so that the moment is
// exact.
//
// All members are thread-safe. The process must outlive the plug's being armed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include "daemon_process.h"
#include "kill_scenario.h"
#include "s3sim/watch.h"

namespace s3zipd {

class Plug {
  public:
    Plug();
    ~Plug();
    Plug(const Plug&) = delete;
    Plug& operator=(const Plug&) = delete;

    void arm(const Pull& pull, const DaemonProcess& process);
    void disarm();    // no more signals to that process
    void pull_now();  // if it is armed and has not been pulled
    bool pulled() const;

    void on_request(const s3sim::WatchedRequest& request);
    void on_delivery();
    void on_accepted();

  private:
    void count(Pull::When what);
    void pull_locked();
    void watch_time();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Pull> pull_;
    const DaemonProcess* process_ = nullptr;
    std::chrono::steady_clock::time_point at_;
    unsigned seen_ = 0;
    bool pulled_ = false;
    bool over_ = false;
    std::thread clock_;
};

}  // namespace s3zipd
