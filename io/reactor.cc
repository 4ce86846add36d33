#include "io/reactor.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/check.h"
#include "io/bounds.h"

namespace io {

struct Reactor::Message {
    std::move_only_function<void()> call;
    Message* next;
};

namespace {

class SleepAwaiter final : private Timer, private CancelHook {
  public:
    SleepAwaiter(Reactor& reactor, base::Duration duration, CancelSource* cancel)
        : reactor_(reactor), duration_(duration), cancel_(cancel) {}

    bool await_ready() {
        woken_early_ = cancel_ != nullptr && cancel_->cancelled();
        return woken_early_;
    }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        Bounds bounds;
        bounds.idle_timeout = duration_;
        reactor_.timers().arm(*this, bounds.due(reactor_.now()));
        if (cancel_ != nullptr) cancel_->hook(*this);
    }
    bool await_resume() const { return !woken_early_; }

  private:
    void on_timer() override {
        unhook();
        reactor_.make_ready(waiter_);
    }
    void on_cancel() override {
        reactor_.timers().disarm(*this);
        woken_early_ = true;
        reactor_.make_ready(waiter_);
    }

    Reactor& reactor_;
    base::Duration duration_;
    CancelSource* cancel_;
    std::coroutine_handle<> waiter_;
    bool woken_early_ = false;
};

// A loop with nothing to do still looks around this often; a lost wake-up would cost this much, not
// a hang.
constexpr base::Duration kLongestWait = std::chrono::seconds(1);

}  // namespace

Reactor::Reactor(std::unique_ptr<IoBackend> backend, base::Clock& clock)
    : backend_(std::move(backend)), clock_(clock), random_(base::Random::from_system()) {}

Reactor::~Reactor() {
    // Who sent the last message, or stop(), may not have returned yet: it is a few instructions
    // away.
    while (senders_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
    Message* message = inbox_.exchange(nullptr);
    while (message != nullptr) delete std::exchange(message, message->next);
}

void Reactor::run() {
    while (!stop_.load(std::memory_order_acquire)) run_once();
    run_ready();
    stop_.store(false);
}

void Reactor::run_once() {
    // Waiting comes first, so that whoever looks after each round sees at once what it has done.
    backend_->wait(time_to_wait());
    sleeping_.store(false, std::memory_order_relaxed);
    if (!timers_.empty()) timers_.fire(now());
    take_messages();
    run_ready();
}

void Reactor::run_ready() {
    // One round only: what becomes ready meanwhile waits for the next, so that I/O and timers get
    // their turn.
    std::swap(ready_, running_);
    for (std::size_t i = 0; i < running_.size(); ++i) running_[i].resume();
    running_.clear();
}

base::Duration Reactor::time_to_wait() {
    if (!ready_.empty()) return base::Duration::zero();
    // Say that we sleep, then look once more: a sender pushes first and looks at sleeping_ after.
    sleeping_.store(true, std::memory_order_seq_cst);
    if (inbox_.load(std::memory_order_seq_cst) != nullptr ||
        stop_.load(std::memory_order_seq_cst)) {
        return base::Duration::zero();
    }
    if (timers_.empty()) return kLongestWait;
    const base::Duration until = timers_.next_due() - now();
    return std::clamp(until, base::Duration::zero(), kLongestWait);
}

void Reactor::post(std::move_only_function<void()> message) {
    auto* node = new Message{std::move(message), inbox_.load(std::memory_order_relaxed)};
    senders_.fetch_add(1, std::memory_order_relaxed);
    while (!inbox_.compare_exchange_weak(node->next, node, std::memory_order_seq_cst)) {
    }
    if (sleeping_.exchange(false, std::memory_order_seq_cst)) backend_->wake();
    senders_.fetch_sub(1, std::memory_order_release);
}

void Reactor::stop() {
    senders_.fetch_add(1, std::memory_order_relaxed);
    stop_.store(true, std::memory_order_seq_cst);
    backend_->wake();
    senders_.fetch_sub(1, std::memory_order_release);
}

void Reactor::take_messages() {
    Message* stack = inbox_.exchange(nullptr, std::memory_order_acquire);
    Message* oldest_first = nullptr;
    while (stack != nullptr) {
        Message* message = std::exchange(stack, stack->next);
        message->next = std::exchange(oldest_first, message);
    }
    while (oldest_first != nullptr) {
        std::unique_ptr<Message> message(std::exchange(oldest_first, oldest_first->next));
        message->call();
    }
}

Task<bool> Reactor::sleep(base::Duration duration, CancelSource* cancel) {
    co_return co_await SleepAwaiter(*this, duration, cancel);
}

}  // namespace io
