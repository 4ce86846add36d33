// Awaiting one Operation with bounds: a time without progress, a point in time, and a CancelSource.
// For io/ itself; others use Stream.
#pragma once

#include <algorithm>
#include <cerrno>
#include <coroutine>

#include "io/bounds.h"
#include "io/reactor.h"

namespace io {

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
        } else if (reactor_.now() >= bounds_.deadline) {
            result = -ETIMEDOUT;  // also when it need not wait: a flood must not outlast a deadline
        } else {
            return false;
        }
        return true;
    }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        on_complete = &OperationAwaiter::completed;
        const base::SteadyTime due = bounds_.due(reactor_.now());
        if (due != base::SteadyTime::max()) reactor_.timers().arm(*this, due);
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
        self.reactor_.make_ready(self.waiter_);
    }
    void on_timer() override {
        timed_out_ = true;
        reactor_.backend().cancel(*this);
    }
    void on_cancel() override { reactor_.backend().cancel(*this); }

    Reactor& reactor_;
    const Bounds bounds_;
    std::coroutine_handle<> waiter_;
    bool timed_out_ = false;
};

}  // namespace io
