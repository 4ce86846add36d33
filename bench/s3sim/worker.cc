#include "s3sim/worker.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "s3sim/connection.h"
#include "s3sim/stats.h"

namespace s3sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kScratchSize =
    256 << 10;  // small enough that the CRC reads what is still in the cache
constexpr std::uint64_t kConnectionsMax = 8192;

base::Status errno_status(const char* what) {
    return base::fail(base::ErrorKind::exhausted, "io_error",
                      std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

SlowThread::SlowThread() : thread_([this] { run(); }) {}

void SlowThread::post(std::function<void()> work) {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(work));
    changed_.notify_one();
}

void SlowThread::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        queue_.clear();
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

void SlowThread::run() {
    while (true) {
        std::function<void()> work;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            work = std::move(queue_.front());
            queue_.pop_front();
        }
        work();
    }
}

Worker::Worker(Service& service, Counters& counters, const Options& options, SlowThread& slow)
    : service_(service),
      counters_(counters),
      options_(options),
      slow_(slow),
      scratch_(kScratchSize) {}

Worker::~Worker() {
    connections_.clear();
    if (epoll_fd_ >= 0) ::close(epoll_fd_);
    if (event_fd_ >= 0) ::close(event_fd_);
}

base::Status Worker::open() {
    epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
    event_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    epoll_event event{EPOLLIN, {.ptr = this}};
    if (epoll_fd_ < 0 || event_fd_ < 0 ||
        ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, event_fd_, &event) != 0) {
        return errno_status("epoll");
    }
    return {};
}

base::Status Worker::accept_from(int listen_fd, std::vector<Worker*> all) {
    listen_fd_ = listen_fd;
    all_ = std::move(all);
    epoll_event event{EPOLLIN, {.ptr = &listen_fd_}};
    if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, listen_fd, &event) != 0) return errno_status("epoll");
    return {};
}

void Worker::stop() {
    stopping_ = true;
    post([] {});
}

void Worker::post(std::function<void()> work) {
    {
        const std::scoped_lock lock(mutex_);
        posted_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_fd_, &one, sizeof one);
}

void Worker::add(int fd) {
    auto connection = std::make_shared<Connection>(*this, fd);
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = connection.get()}};
    const std::scoped_lock lock(mutex_);
    if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) {
        connections_.emplace(connection.get(), connection);
    }
}

// Not left to ::close(): a process that is being started may hold a copy of the socket, which then
// goes on having events, for a connection that is no more.
void Worker::closing(Connection* connection, int fd) {
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
    dead_.push_back(connection);
}

void Worker::accept_all() {
    for (int i = 0; i < 64; ++i) {  // then the others' turn; the listener is level-triggered
        const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (counters_.open_connections() >= kConnectionsMax) {
            ::close(fd);
            continue;
        }
        all_[next_worker_++ % all_.size()]->add(fd);
    }
}

void Worker::wake_at(base::SteadyTime when, std::weak_ptr<Connection> connection) {
    timers_.emplace(when, std::move(connection));
}

// Waits for events until the next timer, to less than a millisecond: some faults need that.
int Worker::wait(std::span<epoll_event> events) const {
    const int count = static_cast<int>(events.size());
    if (ready_.empty() && timers_.empty()) return ::epoll_wait(epoll_fd_, events.data(), count, -1);
    base::Duration left{0};
    if (ready_.empty()) left = timers_.begin()->first - base::system_clock().steady_now();
    left = std::clamp<base::Duration>(left, 0s, 60s);
    const timespec time{std::chrono::floor<std::chrono::seconds>(left).count(), (left % 1s) / 1ns};
    const int n = ::epoll_pwait2(epoll_fd_, events.data(), count, &time, nullptr);
    if (n >= 0 || errno != ENOSYS) return n;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return ::epoll_wait(epoll_fd_, events.data(), count, static_cast<int>(ms));
}

void Worker::run_posted() {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto got = ::read(event_fd_, &ignored, sizeof ignored);
    std::vector<std::function<void()>> work;
    {
        const std::scoped_lock lock(mutex_);
        work.swap(posted_);
    }
    for (const auto& item : work) item();
}

void Worker::run_timers() {
    const auto now = base::system_clock().steady_now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
        const auto connection = timers_.begin()->second.lock();
        timers_.erase(timers_.begin());
        if (connection) connection->run();
    }
}

void Worker::bury() {
    if (dead_.empty()) return;
    const std::scoped_lock lock(mutex_);
    for (Connection* connection : dead_) connections_.erase(connection);
    dead_.clear();
}

void Worker::run() {
    // sendfile() to a connection that the client has closed raises SIGPIPE and has no MSG_NOSIGNAL.
    // Blocked here, the call returns EPIPE; the process's own handling of the signal stays.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    std::array<epoll_event, 128> events;
    while (!stopping_) {
        const int n = wait(events);
        for (int i = 0; i < n; ++i) {
            void* const who = events[static_cast<std::size_t>(i)].data.ptr;
            if (who == this) {
                run_posted();
            } else if (who == &listen_fd_) {
                accept_all();
            } else {
                static_cast<Connection*>(who)->on_events(
                    events[static_cast<std::size_t>(i)].events);
            }
        }
        run_timers();
        for (std::size_t left = ready_.size(); left > 0; --left) {
            const auto connection = std::move(ready_.front());
            ready_.pop_front();
            connection->run();
        }
        bury();
    }
}

}  // namespace s3sim
