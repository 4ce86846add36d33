// A Lane is a reactor with its thread, and a scope for what other reactors ask it to run.
//
// run_on(here, there, make) runs the task that make() gives on lane `there` and resumes the caller
// on its own reactor with the result. The two exchange exactly two messages; nothing is shared but
// the caller's frame, which waits.
#pragma once

#include <time.h>
#include <functional>
#include <memory>
#include <thread>

#include "io/reactor.h"
#include "io/task_scope.h"

namespace io {

class Lane {
  public:
    // Starts the thread; `setup` runs on it first and may fail; `teardown` runs on it last, after
    // all its tasks ended.
    static base::Result<std::unique_ptr<Lane>> start(
        BackendChoice backend, std::move_only_function<base::Status(Lane&)> setup,
        std::move_only_function<void()> teardown);
    // Waits for the lane's tasks to end, then joins the thread.
    ~Lane();

    Reactor& reactor() { return *reactor_; }

    // How much of its time the thread has worked, the kernel's work for it included, rather than
    // waited: its CPU time, so that the loop itself need not look at a clock. (A time around the
    // wait would not do: an io_uring reactor receives and sends inside of it.) From any thread.
    struct Usage {
        base::Duration busy{0}, whole{0};
    };
    Usage usage() const;

    // From any thread: starts `make()` on the lane.
    void spawn(std::move_only_function<Task<void>()> make);

  private:
    Lane() = default;
    void run(BackendChoice backend, std::move_only_function<base::Status(Lane&)>& setup,
             std::move_only_function<void(base::Status)> ready);
    Task<void> leave();

    std::unique_ptr<Reactor> reactor_;
    std::unique_ptr<TaskScope> scope_;
    std::unique_ptr<TaskScope> closer_;  // for the one task that waits for scope_ to empty
    std::move_only_function<void()> teardown_;
    std::thread thread_;
    base::SteadyTime started_;
    clockid_t cpu_clock_{};  // of the thread
};

template <typename Make>
auto run_on(Reactor& here, Lane& there, Make make) -> decltype(make()) {
    using TaskType = decltype(make());
    using Value = decltype(std::declval<TaskType>().operator co_await().await_resume());
    struct Awaiter {
        Reactor& here;
        Lane& there;
        Make& make;
        std::optional<Value> value;

        static Task<void> drive(Awaiter& self, std::coroutine_handle<> waiter) {
            self.value.emplace(co_await self.make());
            self.here.post([waiter] { waiter.resume(); });
        }
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> waiter) {
            there.spawn([this, waiter] { return drive(*this, waiter); });
        }
        Value await_resume() { return std::move(*value); }
    };
    co_return co_await Awaiter{here, there, make, std::nullopt};
}

}  // namespace io
