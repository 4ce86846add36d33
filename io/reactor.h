// A Reactor is one thread's event loop: I/O completions, timers, messages from other threads, and
// the coroutines they resume. It is created on the thread that runs it and everything but post()
// and stop() is called on that thread.
//
// Completions are queued first and resumed after, in the order they came; so nothing is resumed
// inside a call of the one who caused it. The clock comes from outside, so that a simulation can
// own time.
#pragma once

#include <atomic>
#include <coroutine>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "io/backend.h"
#include "io/cancel.h"
#include "io/task.h"
#include "io/timers.h"

namespace io {

class Reactor {
  public:
    explicit Reactor(std::unique_ptr<IoBackend> backend, base::Clock& clock = base::system_clock());
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    // Runs until stop(); work that is still waiting then stays where it is: join scopes first.
    void run();
    // Runs `task` to its end, and the loop with it; for tests and commands.
    template <typename T>
    T run_until_done(Task<T> task);

    // From any thread: calls `message` on the reactor's thread, in order of arrival. Never blocks,
    // never fails. Senders are bounded by protocol: each has at most one message under way.
    void post(std::move_only_function<void()> message);
    // From any thread: run() returns once what is ready has run.
    void stop();

    base::SteadyTime now() const { return clock_.steady_now(); }
    base::UtcTime utc_now() const { return clock_.utc_now(); }
    base::Random& random() { return random_; }
    IoBackend& backend() { return *backend_; }
    TimerHeap& timers() { return timers_; }

    // Resumes `handle` in this round or the next. The owner keeps the coroutine alive.
    void make_ready(std::coroutine_handle<> handle) { ready_.push_back(handle); }

    // Sleeps; false if cancelled. The timer and the cancellation race on this thread only.
    Task<bool> sleep(base::Duration duration, CancelSource* cancel = nullptr);

  private:
    struct Message;

    void run_once();
    void run_ready();
    void take_messages();
    base::Duration time_to_wait();

    std::unique_ptr<IoBackend> backend_;
    base::Clock& clock_;
    base::Random random_;
    TimerHeap timers_;
    std::vector<std::coroutine_handle<>> ready_, running_;
    std::atomic<Message*> inbox_{nullptr};  // a stack, newest first
    std::atomic<bool> sleeping_{false};
    std::atomic<bool> stop_{false};
    std::atomic<int> senders_{0};  // threads inside post() or stop()
};

template <typename T>
T Reactor::run_until_done(Task<T> task) {
    struct Runner {
        static Task<void> drive(Task<T> inner, std::optional<T>& result) {
            result.emplace(co_await std::move(inner));
        }
    };
    std::optional<T> result;
    auto driver = Runner::drive(std::move(task), result);
    auto awaiter = std::move(driver).operator co_await();
    make_ready(awaiter.await_suspend(std::noop_coroutine()));
    while (!result) run_once();
    return std::move(*result);
}

}  // namespace io
