// All that s3zipd is made of, put together and taken down in order: journal, engine, jobs,
// webhooks, API.
//
// For one thread, main's; what it owns has its own threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"

namespace s3zipd {

class Daemon {
  public:
    // `inherited` are listening sockets that were handed over: they are used instead of `listen`.
    // Errors of kind invalid: a setting, or what AWS_* variables or a profile say, cannot be right.
    static base::Result<std::unique_ptr<Daemon>> start(const config::Settings& settings,
                                                       std::vector<int> inherited);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    const std::vector<std::string>& urls() const;  // where the API listens
    // Whether it comes round to something new. Blocks for some seconds at most; any thread.
    bool is_alive() const;

    // Takes over what may change while it runs, tokens and TLS files read again; after an error
    // nothing has changed. What needs a restart is logged.
    base::Status reload(const config::Settings& settings);

    // No new jobs; the API goes on answering.
    void begin_stopping();
    // True: no job runs any more. False: some do, after `timeout`.
    bool drain(std::chrono::milliseconds timeout);
    // Leaves jobs that run to the next process, and ends all. Bounded, but for what hangs.
    void stop(bool drained);

  private:
    struct Parts;
    explicit Daemon(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace s3zipd
