#include "io/sync.h"

#include <cerrno>

#include "base/check.h"

namespace io {

bool WaitQueue::Waiter::await_ready() {
    if (bounds_.cancel == nullptr || !bounds_.cancel->cancelled()) return false;
    outcome_ = Outcome::cancelled;
    return true;
}

void WaitQueue::Waiter::await_suspend(std::coroutine_handle<> waiter) {
    handle_ = waiter;
    previous_ = queue_.last_;
    (queue_.last_ == nullptr ? queue_.first_ : queue_.last_->next_) = this;
    queue_.last_ = this;
    const base::SteadyTime due = bounds_.due(queue_.reactor_.now());
    if (due != base::SteadyTime::max()) queue_.reactor_.timers().arm(*this, due);
    if (bounds_.cancel != nullptr) bounds_.cancel->hook(*this);
}

void WaitQueue::Waiter::end(Outcome outcome) {
    queue_.reactor_.timers().disarm(*this);
    unhook();
    (previous_ == nullptr ? queue_.first_ : previous_->next_) = next_;
    (next_ == nullptr ? queue_.last_ : next_->previous_) = previous_;
    outcome_ = outcome;
    queue_.reactor_.make_ready(handle_);
    if (outcome != Outcome::woken && queue_.on_leave != nullptr) queue_.on_leave(queue_.owner);
}

base::Status WaitQueue::Waiter::await_resume() const {
    if (outcome_ == Outcome::woken) return {};
    return std::unexpected(
        io_error(outcome_ == Outcome::timed_out ? -ETIMEDOUT : -ECANCELED, "waiting"));
}

Semaphore::Semaphore(Reactor& reactor, std::uint64_t units) : queue_(reactor), free_(units) {
    queue_.owner = this;
    queue_.on_leave = [](void* self) { static_cast<Semaphore*>(self)->serve(); };
}

bool Semaphore::try_acquire(std::uint64_t units) {
    if (!queue_.empty() || free_ < units) return false;
    free_ -= units;
    return true;
}

Task<base::Status> Semaphore::acquire(std::uint64_t units, Bounds bounds) {
    if (bounds.cancel == nullptr || !bounds.cancel->cancelled()) {
        if (try_acquire(units)) co_return base::Status{};
    }
    // serve() takes the units in our name before it wakes us.
    co_return co_await queue_.wait(bounds, units);
}

void Semaphore::release(std::uint64_t units) {
    free_ += units;
    serve();
}

void Semaphore::serve() {
    while (!queue_.empty() && queue_.front_wants() <= free_) {
        free_ -= queue_.front_wants();
        queue_.wake_front();
    }
}

}  // namespace io
