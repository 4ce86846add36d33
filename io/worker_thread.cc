#include "io/worker_thread.h"

namespace io {

WorkerThread::WorkerThread() : thread_([this] { loop(); }) {}

WorkerThread::~WorkerThread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void WorkerThread::enqueue(std::move_only_function<void()> call) {
    {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(call));
    }
    changed_.notify_one();
}

void WorkerThread::loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        auto call = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        call();
        call = nullptr;
        lock.lock();
    }
}

}  // namespace io
