// What all connections of the API share. It outlives them; see api.cc for the order of their ends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "daemon/access.h"
#include "daemon/api_events.h"
#include "daemon/api_feed.h"
#include "daemon/api_places.h"
#include "daemon/api_state.h"
#include "daemon/api_wakeup.h"
#include "daemon/job_engine.h"
#include "daemon/job_service.h"
#include "daemon/routes.h"

namespace s3zipd {

// Counts what stopping waits for.
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

struct BusyScope {
    explicit BusyScope(BusyCount& count) : busy(count) { busy.enter(); }
    ~BusyScope() { busy.leave(); }
    BusyScope(const BusyScope&) = delete;
    BusyScope& operator=(const BusyScope&) = delete;
    BusyCount& busy;
};

struct ApiContext {
    ApiContext(JobService& the_jobs, JobEngine& the_engine, const Access& the_access,
               ApiLimits the_limits)
        : jobs(the_jobs),
          engine(the_engine),
          access(the_access),
          limits(the_limits),
          gate(std::make_shared<Gate>()),
          state(std::make_shared<ApiState>()),
          places(limits.connections_max, limits.strangers_max, state->connections,
                 state->connections_put_out),
          events(the_jobs, limits, gate),
          feed(the_jobs, the_engine, limits, gate),
          routes(the_jobs, the_engine, *state, limits) {}

    JobService& jobs;
    JobEngine& engine;
    const Access& access;
    const ApiLimits limits;
    const std::shared_ptr<Gate> gate;
    const std::shared_ptr<ApiState> state;  // shared with plans, which may outlive us
    ApiPlaces places;
    EventHub events;
    JobFeed feed;
    Routes routes;
    bool has_client_ca = false;  // TLS requires a certificate of every client
    BusyCount fresh;  // connections whose first request has not come, and accepting itself
    BusyCount busy;   // requests from their head to the end of the answer
};

}  // namespace s3zipd
