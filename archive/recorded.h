// Waits on a reactor until the recorder has what it was told.
#pragma once

#include <coroutine>
#include <utility>

#include "archive/job_record.h"
#include "io/reactor.h"
#include "io/task.h"

namespace archive {

// tell(done) tells the recorder; it is called at once, on this reactor.
template <typename Tell>
io::Task<void> recorded(io::Reactor& reactor, Tell tell) {
    struct Awaiter {
        io::Reactor& reactor;
        Tell& tell;
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> waiter) {
            tell([&here = reactor, waiter] { here.post([waiter] { waiter.resume(); }); });
        }
        void await_resume() const {}
    };
    co_await Awaiter{reactor, tell};
}

}  // namespace archive
