#include "plug.h"

#include <signal.h>

namespace s3zipd {

Plug::Plug() : clock_([this] { watch_time(); }) {}

Plug::~Plug() {
    {
        const std::scoped_lock lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
    clock_.join();
}

void Plug::arm(const Pull& pull, const DaemonProcess& process) {
    {
        const std::scoped_lock lock(mutex_);
        pull_ = pull;
        process_ = &process;
        at_ = std::chrono::steady_clock::now() + pull.after;
        seen_ = 0;
        pulled_ = false;
    }
    changed_.notify_all();
}

void Plug::disarm() {
    const std::scoped_lock lock(mutex_);
    pull_.reset();
    process_ = nullptr;
    pulled_ = false;
}

void Plug::pull_now() {
    const std::scoped_lock lock(mutex_);
    if (pull_) pull_locked();
}

bool Plug::pulled() const {
    const std::scoped_lock lock(mutex_);
    return pulled_;
}

void Plug::on_request(const s3sim::WatchedRequest& request) {
    const std::scoped_lock lock(mutex_);
    if (!pull_ || pull_->when != Pull::When::request || request.operation != pull_->operation)
        return;
    const bool executed = request.moment == s3sim::WatchedRequest::Moment::executed;
    if (executed != pull_->executed || (executed && request.status / 100 != 2)) return;
    if (++seen_ == pull_->nth) pull_locked();
}

void Plug::on_delivery() { count(Pull::When::delivery); }
void Plug::on_accepted() { count(Pull::When::accepted); }

void Plug::count(Pull::When what) {
    const std::scoped_lock lock(mutex_);
    if (pull_ && pull_->when == what && ++seen_ == pull_->nth) pull_locked();
}

void Plug::pull_locked() {
    if (pulled_) return;
    pulled_ = true;
    process_->send(pull_->kill ? SIGKILL : SIGTERM);
}

void Plug::watch_time() {
    std::unique_lock lock(mutex_);
    while (!over_) {
        const bool by_time = pull_ && pull_->when == Pull::When::time && !pulled_;
        if (!by_time) {
            changed_.wait(lock);
        } else if (std::chrono::steady_clock::now() >= at_) {
            pull_locked();
        } else {
            changed_.wait_until(lock, std::chrono::steady_clock::time_point(at_));
        }
    }
}

}  // namespace s3zipd
