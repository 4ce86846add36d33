// One thread with its own epoll. It owns its connections: only its thread runs or closes them.
// add() and post() may be called from anywhere. Edge-triggered: a connection reads and writes until
// it would block, and after some turns lets the others go first.
#pragma once

#include <sys/epoll.h>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

namespace s3sim {

class Connection;
class Counters;
class Service;
struct Options;

// Runs what blocks (copying files on Complete) apart from the connections, one after the other. The
// queue is bounded by the number of connections, each of which waits for its own entry.
class SlowThread {
  public:
    SlowThread();
    void post(std::function<void()> work);
    void stop();  // what has not begun is dropped

  private:
    void run();
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

class Worker {
  public:
    Worker(Service& service, Counters& counters, const Options& options, SlowThread& slow);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    base::Status open();
    // Only one worker accepts; it deals the connections out to all of them in turn.
    base::Status accept_from(int listen_fd, std::vector<Worker*> all);
    void run();   // until stop()
    void stop();  // from any thread
    void add(int fd);
    void post(std::function<void()> work);

    // For this worker's connections, on its thread.
    void make_ready(std::shared_ptr<Connection> connection) {
        ready_.push_back(std::move(connection));
    }
    void wake_at(base::SteadyTime when, std::weak_ptr<Connection> connection);
    void closing(Connection* connection, int fd);
    Service& service() { return service_; }
    Counters& counters() { return counters_; }
    const Options& options() { return options_; }
    SlowThread& slow() { return slow_; }
    base::Bytes scratch() { return scratch_; }

  private:
    void accept_all();
    void run_posted();
    void run_timers();
    void bury();
    int wait(std::span<epoll_event> events) const;

    Service& service_;
    Counters& counters_;
    const Options& options_;
    SlowThread& slow_;
    int epoll_fd_ = -1;
    int event_fd_ = -1;
    int listen_fd_ = -1;
    std::vector<Worker*> all_;
    std::size_t next_worker_ = 0;
    std::atomic<bool> stopping_{false};
    std::vector<std::byte> scratch_;

    std::mutex mutex_;  // guards the two below
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
    std::vector<std::function<void()>> posted_;

    std::deque<std::shared_ptr<Connection>> ready_;
    std::multimap<base::SteadyTime, std::weak_ptr<Connection>> timers_;
    std::vector<Connection*> dead_;
};

}  // namespace s3sim
