// One connection of the REST API, as a coroutine on its own strand: read a request, answer it,
// again while it is kept alive. Every read and write has a deadline; a client that is too slow is
// cut.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "daemon/api_state.h"
#include "daemon/api_wakeup.h"
#include "daemon/job_engine.h"
#include "daemon/job_service.h"
#include "daemon/routes.h"

namespace s3zipd {

// Counts requests being answered, so that stopping can wait for them.
class BusyCount {
  public:
    void enter() {
        const std::lock_guard lock(mutex_);
        ++count_;
    }
    void leave() {
        const std::lock_guard lock(mutex_);
        if (--count_ == 0) idle_.notify_all();
    }
    bool wait_idle(std::chrono::milliseconds timeout) {
        std::unique_lock lock(mutex_);
        return idle_.wait_for(lock, timeout, [this] { return count_ == 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable idle_;
    std::size_t count_ = 0;
};

// All that connections share; it outlives them.
struct ApiContext {
    ApiContext(JobService& the_jobs, JobEngine& the_engine, ApiLimits the_limits)
        : jobs(the_jobs),
          engine(the_engine),
          limits(the_limits),
          gate(std::make_shared<Gate>()),
          state(std::make_shared<ApiState>()),
          routes(the_jobs, the_engine, *state, limits) {}

    JobService& jobs;
    JobEngine& engine;
    const ApiLimits limits;
    const std::shared_ptr<Gate> gate;
    const std::shared_ptr<ApiState> state;  // shared with plans, which may outlive us
    Routes routes;
    BusyCount busy;
};

// `ticket` is its place among the connections. An overloaded one is told 503 and closed.
boost::asio::awaitable<void> serve_connection(boost::asio::ip::tcp::socket socket,
                                              ApiContext& context, Ticket<std::size_t> ticket,
                                              bool overloaded);

}  // namespace s3zipd
