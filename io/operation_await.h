// Awaiting one Operation with bounds: a time without progress, a point in time, and a CancelSource.
// For io/ itself; others use Stream.
#pragma once

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstdint>

#include "io/bounds.h"
#include "io/reactor.h"

namespace io {

// Bytes that were sent on this socket and that the peer's kernel has not acknowledged. One system
// call.
std::uint64_t unacknowledged_bytes(int fd);

// co_await OperationAwaiter(...) gives the operation's result: >= 0, -errno, -ETIMEDOUT or
// -ECANCELED. The frame that awaits it holds it until the completion has come, also when it was
// cancelled.
class OperationAwaiter final : private Operation, private Timer, private CancelHook {
  public:
    OperationAwaiter(Reactor& reactor, const Operation& operation, const Bounds& bounds)
        : Operation(operation), reactor_(reactor), bounds_(bounds) {}

    bool await_ready() {
        if (bounds_.cancel != nullptr && bounds_.cancel->cancelled()) {
            result = -ECANCELED;
        } else if (bounds_.expired(reactor_.now())) {
            result = -ETIMEDOUT;  // also when it need not wait: a flood must not outlast a deadline
        } else {
            return false;
        }
        return true;
    }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        on_complete = &OperationAwaiter::completed;
        idle_since_ = reactor_.now();
        arm(idle_since_);
        if (bounds_.cancel != nullptr) bounds_.cancel->hook(*this);
        reactor_.backend().submit(*this);
    }
    int await_resume() const {
        if (result == -ECANCELED && timed_out_) return -ETIMEDOUT;
        return result;
    }

  private:
    static void completed(Operation& operation) {
        auto& self = static_cast<OperationAwaiter&>(operation);
        self.reactor_.timers().disarm(self);
        self.unhook();
        if (self.bounds_.pace != nullptr && self.result > 0) {
            self.bounds_.pace->moved(static_cast<std::uint64_t>(self.result), self.reactor_.now());
        }
        self.reactor_.make_ready(self.waiter_);
    }
    // With a Pace the timer also fires half-way, to look at what the peer acknowledges: bytes that
    // the kernel has taken may be on their way for minutes.
    void arm(base::SteadyTime now) {
        const base::SteadyTime due = bounds_.due(idle_since_);
        if (due == base::SteadyTime::max()) return;
        const bool looks = bounds_.pace != nullptr && kind != Kind::connect && due > now;
        const base::Duration left = due - now;
        reactor_.timers().arm(*this, looks && left > kLookMin ? now + left / 2 : due);
    }
    void on_timer() override {
        const base::SteadyTime now = reactor_.now();
        if (bounds_.pace != nullptr) {
            const std::uint64_t queued = unacknowledged_bytes(fd);
            if (queued < queued_) {
                bounds_.pace->moved(queued_ - queued, now);
                idle_since_ = now;
            }
            queued_ = queued;
            // It may have moved on by other waits, too.
            if (now < bounds_.due(idle_since_)) return arm(now);
        }
        timed_out_ = true;
        reactor_.backend().cancel(*this);
    }
    void on_cancel() override { reactor_.backend().cancel(*this); }

    static constexpr base::Duration kLookMin = std::chrono::milliseconds(20);
    Reactor& reactor_;
    const Bounds bounds_;
    std::coroutine_handle<> waiter_;
    base::SteadyTime idle_since_{};
    std::uint64_t queued_ = 0;  // at the last look
    bool timed_out_ = false;
};

}  // namespace io
