// When a connection has had its time: the socket is closed. On the connection's strand.
//
// Deadlines are set for every read and write and seldom come, so the timer is touched only for one
// that is earlier than what it waits for.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace s3zipd {

class ApiDeadline : public std::enable_shared_from_this<ApiDeadline> {
  public:
    using Clock = std::chrono::steady_clock;

    // Calls it at most once, on the strand; never after forget().
    ApiDeadline(const boost::asio::any_io_executor& strand, std::function<void()> on_late)
        : timer_(strand), on_late_(std::move(on_late)) {}

    void expires_after(std::chrono::milliseconds timeout) {
        at_ = Clock::now() + timeout;
        if (at_ < armed_for_) arm();
    }
    void expires_never() { at_ = Clock::time_point::max(); }
    void forget() {
        expires_never();
        on_late_ = nullptr;
    }

  private:
    void arm() {
        armed_for_ = at_;
        timer_.expires_at(at_);
        timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (self && !error) self->look();
        });
    }
    void look() {
        armed_for_ = Clock::time_point::max();
        if (at_ == armed_for_) return;
        if (Clock::now() < at_) return arm();
        if (const auto on_late = std::exchange(on_late_, nullptr)) on_late();
    }

    boost::asio::steady_timer timer_;
    std::function<void()> on_late_;
    Clock::time_point at_ = Clock::time_point::max();
    Clock::time_point armed_for_ = Clock::time_point::max();
};

}  // namespace s3zipd
