#include "io/lane.h"

#include <pthread.h>
#include <ctime>
#include <future>

#include "base/check.h"

namespace io {

base::Result<std::unique_ptr<Lane>> Lane::start(BackendChoice backend,
                                                std::move_only_function<base::Status(Lane&)> setup,
                                                std::move_only_function<void()> teardown) {
    std::unique_ptr<Lane> lane(new Lane);
    lane->teardown_ = std::move(teardown);
    lane->started_ = base::system_clock().steady_now();
    std::promise<base::Status> ready;
    auto started = ready.get_future();
    lane->thread_ = std::thread([&, self = lane.get()] {
        // `setup` and `ready` live in start(), which waits until they have been used.
        self->run(backend, setup,
                  [&ready](base::Status status) { ready.set_value(std::move(status)); });
    });
    if (auto status = started.get(); !status) {
        lane->thread_.join();
        return std::unexpected(status.error());
    }
    CHECK(pthread_getcpuclockid(lane->thread_.native_handle(), &lane->cpu_clock_) == 0);
    return lane;
}

void Lane::run(BackendChoice backend, std::move_only_function<base::Status(Lane&)>& setup,
               std::move_only_function<void(base::Status)> ready) {
    auto made = make_backend(backend);
    if (!made) {
        ready(std::unexpected(made.error()));
        return;
    }
    reactor_ = std::make_unique<Reactor>(std::move(*made));
    scope_ = std::make_unique<TaskScope>(*reactor_);
    closer_ = std::make_unique<TaskScope>(*reactor_);
    auto status = setup(*this);
    const bool usable = status.has_value();
    ready(std::move(status));
    if (usable) reactor_->run();
    teardown_();
    closer_.reset();
    scope_.reset();
    reactor_.reset();  // on its own thread, as a ring with a single issuer wants it
}

void Lane::spawn(std::move_only_function<Task<void>()> make) {
    reactor_->post([this, make = std::move(make)]() mutable { scope_->spawn(make()); });
}

Lane::Usage Lane::usage() const {
    Usage usage{.whole = base::system_clock().steady_now() - started_};
    timespec time{};
    if (clock_gettime(cpu_clock_, &time) == 0)
        usage.busy = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    return usage;
}

Task<void> Lane::leave() {
    co_await scope_->join();
    reactor_->stop();
}

Lane::~Lane() {
    if (!thread_.joinable()) return;
    reactor_->post([this] { closer_->spawn(leave()); });
    thread_.join();
}

}  // namespace io
