#include "daemon/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <system_error>

#include "base/log.h"

namespace s3zipd {
namespace {

std::string_view variable(const Supervisor::Environment& environment, const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string_view() : found->second;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

void ignore(const char* name, std::string_view value) {
    base::log_warn("variable ignored", {{"name", name}, {"value", value}});
}

// "/path" or "@abstract", of which the kernel wants '\0' in front; "" if it is neither.
std::string socket_address(std::string_view text) {
    const bool fits = text.size() > 1 && text.size() < sizeof(sockaddr_un::sun_path);
    if (!fits || (text[0] != '/' && text[0] != '@')) return {};
    std::string address(text);
    if (address[0] == '@') address[0] = '\0';
    return address;
}

// The first is 3. A shell between the supervisor and us hands its own variables on, too.
std::vector<int> inherited_sockets(const Supervisor::Environment& environment) {
    constexpr int kFirst = 3;
    constexpr std::uint64_t kMax = 64;
    const std::string_view count = variable(environment, "LISTEN_FDS");
    if (count.empty()) return {};
    const bool for_us =
        number(variable(environment, "LISTEN_PID")) == static_cast<std::uint64_t>(getpid());
    const auto sockets = number(count);
    if (!for_us || !sockets || *sockets > kMax) {
        ignore("LISTEN_FDS", count);
        return {};
    }
    std::vector<int> found;
    for (int i = 0; i < static_cast<int>(*sockets); ++i) {
        fcntl(kFirst + i, F_SETFD, FD_CLOEXEC);
        found.push_back(kFirst + i);
    }
    return found;
}

// A status is one line; a newline in it would begin another message.
std::string one_line(std::string_view text) {
    std::string line(text);
    for (char& c : line) c = c == '\n' ? ' ' : c;
    return line;
}

base::Status failed(const char* what) {
    return base::fail(base::ErrorKind::transient, "notify_failed",
                      fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

}  // namespace

Supervisor::Supervisor(const Environment& environment) : sockets_(inherited_sockets(environment)) {
    const std::string_view socket = variable(environment, "NOTIFY_SOCKET");
    address_ = socket_address(socket);
    if (address_.empty()) {
        if (!socket.empty()) ignore("NOTIFY_SOCKET", socket);
        return;
    }
    const std::string_view timeout = variable(environment, "WATCHDOG_USEC");
    if (timeout.empty()) return;
    // A shell between the supervisor and us hands its own variables on.
    const std::string_view pid = variable(environment, "WATCHDOG_PID");
    if (!pid.empty() && number(pid) != static_cast<std::uint64_t>(getpid())) return;
    // Longer ones are no watchdogs, and beyond what clocks can be set to.
    constexpr std::uint64_t kMax = std::chrono::microseconds(std::chrono::years(1)).count();
    const auto microseconds = number(timeout);
    if (!microseconds || *microseconds == 0 || *microseconds > kMax) {
        ignore("WATCHDOG_USEC", timeout);
        return;
    }
    watchdog_timeout_ = std::chrono::microseconds(*microseconds);
}

Supervisor::~Supervisor() { end_watch(); }

void Supervisor::ready(std::string_view status) {
    send(fmt::format("READY=1\nSTATUS={}", one_line(status)));
}

// MONOTONIC_USEC: newer systemds ask for it.
void Supervisor::reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now);
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", microseconds.count()));
}

void Supervisor::status(std::string_view text) { send(fmt::format("STATUS={}", one_line(text))); }

void Supervisor::watch(std::function<bool()> is_alive) {
    if (!watchdog_timeout_ || thread_.joinable()) return;
    thread_ = std::thread([this, hook = std::move(is_alive)] { run(hook); });
}

void Supervisor::stopping(std::string_view status, std::chrono::seconds at_most) {
    end_watch();
    send(fmt::format("STOPPING=1\nSTATUS={}\nEXTEND_TIMEOUT_USEC={}", one_line(status),
                     std::chrono::microseconds(at_most).count()));
}

void Supervisor::run(const std::function<bool()>& is_alive) {
    bool was_alive = true;
    std::unique_lock lock(mutex_);
    while (!ended_) {
        lock.unlock();
        const bool alive = is_alive();
        if (alive) send("WATCHDOG=1");
        if (was_alive && !alive) base::log_error("the daemon does not answer itself");
        was_alive = alive;
        lock.lock();
        // After a time without an answer soon again: one stall is no hang.
        const auto pause = alive ? *watchdog_timeout_ / 2 : *watchdog_timeout_ / 20;
        changed_.wait_for(lock, pause, [this] { return ended_; });
    }
}

void Supervisor::end_watch() {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Supervisor::send(std::string_view message) {
    if (!is_there()) return;
    const base::Status sent = try_send(message);
    if (sent) return;
    const std::lock_guard lock(mutex_);
    if (!failure_logged_) base::log_warn("cannot notify", {{"error", sent.error().detail}});
    failure_logged_ = true;
}

// A socket for each message: they are rare, and the supervisor may have made its own anew.
base::Status Supervisor::try_send(std::string_view message) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    const auto to_bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed("socket");
    // A supervisor whose queue is full is waited for, but not for ever.
    const timeval timeout{.tv_sec = kSendTimeout.count(), .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    const ssize_t sent = sendto(fd, message.data(), message.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&to), to_bytes);
    const base::Status status = sent < 0 ? failed("sendto") : base::Status();
    close(fd);
    return status;
}

}  // namespace s3zipd
