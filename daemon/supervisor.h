// What the supervisor that started us (systemd, or another that speaks sd_notify) hears of us: that
// we are ready, that we stop and for how long, what we are about, and that we are alive.
//
// And what it hands over to us: sockets that it listens on.
//
// Owned by main, made before the first thread and destroyed last. Messages are datagrams to
// $NOTIFY_SOCKET, each sent by the caller within kSendTimeout at most; without that variable all
// calls do nothing. A message that cannot be sent is logged, once: nothing depends on it here, and
// the supervisor acts by itself on what it does not hear.
//
// watch() starts the only thread, and only if $WATCHDOG_USEC is for this process. Twice in that
// time it asks `is_alive` and says so if the answer is yes. A hook that does not return, or says
// no, makes the supervisor end us: it should ask what must answer for the daemon to be of use, and
// may take a lock to find out. stopping() ends the thread, and waits for the hook.
//
// Format and meaning of the messages: sd_notify(3).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"

namespace s3zipd {

class Supervisor {
  public:
    using Environment = std::map<std::string, std::string>;
    static constexpr std::chrono::seconds kSendTimeout{2};

    // Of $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. What makes no sense there is logged and
    // ignored.
    explicit Supervisor(const Environment& environment);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // Listening sockets that were handed over (sd_listen_fds(3)): of $LISTEN_FDS and $LISTEN_PID.
    // They are the caller's; to be asked once, before other files are opened.
    std::vector<int> take_sockets() const { return sockets_; }

    void ready(std::string_view status);
    // Settings are read again; ready() says that it is done.
    void reloading();
    void status(std::string_view text);
    void watch(std::function<bool()> is_alive);
    // We will be gone within `at_most`: not to be killed before.
    void stopping(std::string_view status, std::chrono::seconds at_most);

    bool is_there() const { return !address_.empty(); }
    // How often we have to say that we are alive, at the least; none: nobody asks.
    std::optional<std::chrono::microseconds> watchdog_timeout() const { return watchdog_timeout_; }

  private:
    void send(std::string_view message);
    base::Status try_send(std::string_view message) const;
    void run(const std::function<bool()>& is_alive);
    void end_watch();

    std::vector<int> sockets_;
    std::string address_;  // a path, or '\0' and an abstract name; empty: nobody listens
    std::optional<std::chrono::microseconds> watchdog_timeout_;
    std::mutex mutex_;  // guards those below
    std::condition_variable changed_;
    bool ended_ = false;
    bool failure_logged_ = false;
    std::thread thread_;
};

}  // namespace s3zipd
