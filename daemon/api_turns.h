// Turns of what costs a CPU much of a millisecond and a client nothing: TLS handshakes. So many at
// once, and the latest to come goes first: where more come than can be served, those still get
// through who have just come, while a queue would serve only who has given up or been put out.
//
// ApiTurns is thread-safe. A Waiter lives on its connection's strand, in a shared_ptr.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

namespace s3zipd {

class ApiTurns {
  public:
    class Waiter;
    explicit ApiTurns(std::size_t at_once) : free_(at_once) {}

  private:
    std::mutex mutex_;
    std::size_t free_;
    std::list<Waiter*> waiting_;  // the latest last
};

class ApiTurns::Waiter : public std::enable_shared_from_this<Waiter> {
  public:
    Waiter(std::shared_ptr<ApiTurns> turns, const boost::asio::any_io_executor& strand);
    // Only when the API ends may it be waiting, or have a turn.
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // True: it has a turn, and calls done() after it, without having waited for anything else.
    // False: it has given up.
    boost::asio::awaitable<bool> take();
    void done();
    // A take() that waits ends with false, and later ones too.
    void give_up();

  private:
    enum class State { idle, waiting, granted };
    const std::shared_ptr<ApiTurns> turns_;
    boost::asio::steady_timer timer_;  // never late, only cancelled
    bool given_up_ = false;            // the strand's
    State state_ = State::idle;        // under the lock, as is:
    std::list<Waiter*>::iterator at_{};
};

}  // namespace s3zipd
