// Waiting for one another inside one reactor: Semaphore and Condition. Waiters are resumed through
// the ready queue, in the order they came. Not thread-safe; both outlive their waiters.
#pragma once

#include <coroutine>
#include <cstdint>

#include "base/error.h"
#include "io/bounds.h"
#include "io/reactor.h"

namespace io {

// A FIFO of suspended waits, each with bounds. The building block of what follows.
class WaitQueue {
  public:
    explicit WaitQueue(Reactor& reactor) : reactor_(reactor) {}
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;
    ~WaitQueue() { CHECK(first_ == nullptr); }

    class Waiter final : private Timer, private CancelHook {
      public:
        Waiter(WaitQueue& queue, const Bounds& bounds, std::uint64_t wanted)
            : queue_(queue), bounds_(bounds), wanted_(wanted) {}
        bool await_ready();
        void await_suspend(std::coroutine_handle<> waiter);
        base::Status await_resume() const;

      private:
        friend class WaitQueue;
        void on_timer() override { end(Outcome::timed_out); }
        void on_cancel() override { end(Outcome::cancelled); }
        enum class Outcome : std::uint8_t { woken, timed_out, cancelled };
        void end(Outcome outcome);

        WaitQueue& queue_;
        const Bounds bounds_;
        const std::uint64_t wanted_;
        std::coroutine_handle<> handle_;
        Waiter* previous_ = nullptr;
        Waiter* next_ = nullptr;
        Outcome outcome_ = Outcome::woken;
    };

    Waiter wait(const Bounds& bounds, std::uint64_t wanted = 0) { return {*this, bounds, wanted}; }
    bool empty() const { return first_ == nullptr; }
    std::uint64_t front_wants() const { return first_->wanted_; }
    void wake_front() { first_->end(Waiter::Outcome::woken); }
    void wake_all() {
        while (!empty()) wake_front();
    }
    // Called after a waiter gave up: the one behind it may fit now.
    void (*on_leave)(void* owner) = nullptr;
    void* owner = nullptr;

  private:
    Reactor& reactor_;
    Waiter* first_ = nullptr;
    Waiter* last_ = nullptr;
};

// Counts units (bytes, connections). acquire() is fair: a big request at the front holds back small
// ones behind it, so it is served in the end. Whoever acquired must release.
class Semaphore {
  public:
    Semaphore(Reactor& reactor, std::uint64_t units);

    Task<base::Status> acquire(std::uint64_t units, Bounds bounds);
    bool try_acquire(std::uint64_t units);
    void release(std::uint64_t units);
    std::uint64_t free_units() const { return free_; }
    bool contended() const { return !queue_.empty(); }

  private:
    void serve();
    WaitQueue queue_;
    std::uint64_t free_;
};

// "Something changed": waiters look again at what they wait for.
class Condition {
  public:
    explicit Condition(Reactor& reactor) : queue_(reactor) {}
    WaitQueue::Waiter wait(const Bounds& bounds) { return queue_.wait(bounds); }
    void notify_all() { queue_.wake_all(); }

  private:
    WaitQueue queue_;
};

}  // namespace io
