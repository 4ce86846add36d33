// A thread for what must not run on a reactor: reading files, planning a million entries. Calls run
// one after the other; run() suspends the awaiting task until its call has ended and resumes it on
// its own reactor. Thread-safe. A call under way cannot be cancelled: keep them short or bounded.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "io/reactor.h"
#include "io/task.h"

namespace io {

class WorkerThread {
  public:
    WorkerThread();
    ~WorkerThread();  // runs what is queued, then joins

    template <typename Function>
    auto run(Reactor& reactor, Function function) -> Task<decltype(function())>;

  private:
    void enqueue(std::move_only_function<void()> call);
    void loop();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::move_only_function<void()>> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

template <typename Function>
auto WorkerThread::run(Reactor& reactor, Function function) -> Task<decltype(function())> {
    using Value = decltype(function());
    struct Awaiter {
        WorkerThread& worker;
        Reactor& reactor;
        Function& function;
        std::optional<Value> value;

        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> waiter) {
            worker.enqueue([this, waiter] {
                value.emplace(function());
                reactor.post([waiter] { waiter.resume(); });
            });
        }
        Value await_resume() { return std::move(*value); }
    };
    co_return co_await Awaiter{*this, reactor, function, std::nullopt};
}

}  // namespace io
