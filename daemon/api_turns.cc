#include "daemon/api_turns.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace s3zipd {

namespace asio = boost::asio;

ApiTurns::Waiter::Waiter(std::shared_ptr<ApiTurns> turns, const asio::any_io_executor& strand)
    : turns_(std::move(turns)), timer_(strand, std::chrono::steady_clock::time_point::max()) {}

ApiTurns::Waiter::~Waiter() {
    const std::lock_guard lock(turns_->mutex_);
    if (state_ == State::waiting) turns_->waiting_.erase(at_);
}

asio::awaitable<bool> ApiTurns::Waiter::take() {
    if (given_up_) co_return false;
    {
        const std::lock_guard lock(turns_->mutex_);
        if (turns_->free_ > 0) {
            --turns_->free_;
            co_return true;
        }
        at_ = turns_->waiting_.insert(turns_->waiting_.end(), this);
        state_ = State::waiting;
    }
    for (;;) {
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        const std::lock_guard lock(turns_->mutex_);
        if (std::exchange(state_, State::idle) == State::granted) co_return true;
        if (given_up_) {
            turns_->waiting_.erase(at_);
            co_return false;
        }
        state_ = State::waiting;
    }
}

void ApiTurns::Waiter::done() {
    const std::lock_guard lock(turns_->mutex_);
    if (turns_->waiting_.empty()) {
        ++turns_->free_;
        return;
    }
    Waiter& next = *turns_->waiting_.back();
    turns_->waiting_.pop_back();
    next.state_ = State::granted;
    asio::post(next.timer_.get_executor(), [weak = next.weak_from_this()] {
        if (const auto waiter = weak.lock()) waiter->timer_.cancel();
    });
}

void ApiTurns::Waiter::give_up() {
    given_up_ = true;
    timer_.cancel();
}

}  // namespace s3zipd
