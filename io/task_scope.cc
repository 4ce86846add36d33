#include "io/task_scope.h"

namespace io {

// The outermost coroutine of a spawned task: starts suspended, frees itself at its end.
struct TaskScope::Root {
    struct promise_type {
        static void* operator new(std::size_t size) { return detail::allocate_frame(size); }
        static void operator delete(void* frame, std::size_t size) {
            detail::free_frame(frame, size);
        }
        Root get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

TaskScope::Root TaskScope::drive(TaskScope& scope, Task<void> task) {
    co_await std::move(task);
    if (--scope.running_ == 0) scope.ended_.notify_all();
}

void TaskScope::spawn(Task<void> task) {
    ++running_;
    reactor_.make_ready(drive(*this, std::move(task)).handle);
}

Task<void> TaskScope::join() {
    while (running_ != 0) static_cast<void>(co_await ended_.wait(Bounds{}));
}

}  // namespace io
