// How another thread wakes a connection's coroutine that waits for something: a job's end, a plan.
//
// The Gate stands between foreign threads and the io_context: once closed, nothing is posted any
// more, so a callback may come after the API is gone. A Wakeup lives on its connection's strand;
// its notifier may be called from anywhere, often.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace s3zipd {

class Gate {
  public:
    void open(boost::asio::io_context& context) {
        const std::lock_guard lock(mutex_);
        context_ = &context;
    }
    void close() {
        const std::lock_guard lock(mutex_);
        context_ = nullptr;
    }
    template <typename Function>
    void post(Function function) {
        const std::lock_guard lock(mutex_);
        if (context_ != nullptr) boost::asio::post(*context_, std::move(function));
    }

  private:
    std::mutex mutex_;
    boost::asio::io_context* context_ = nullptr;
};

class Wakeup : public std::enable_shared_from_this<Wakeup> {
  public:
    explicit Wakeup(const boost::asio::any_io_executor& strand) : timer_(strand) {}

    // Until notified, before or during the wait, or until the time is up. True: notified.
    boost::asio::awaitable<bool> wait(std::chrono::milliseconds timeout) {
        if (!notified_) {
            timer_.expires_after(timeout);
            co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        }
        co_return std::exchange(notified_, false);
    }

    std::function<void()> notifier(std::shared_ptr<Gate> gate) {
        return [gate = std::move(gate), weak = weak_from_this()] {
            gate->post([weak] {
                const auto self = weak.lock();
                if (!self) return;
                boost::asio::post(self->timer_.get_executor(), [weak] {
                    if (const auto wakeup = weak.lock()) {
                        wakeup->notified_ = true;
                        wakeup->timer_.cancel();
                    }
                });
            });
        };
    }

  private:
    boost::asio::steady_timer timer_;
    bool notified_ = false;
};

}  // namespace s3zipd
