// The REST API on a socket: listens, keeps its connections within bounds and time, and lets Routes
// answer.
//
// Owns its threads (the control plane's: they never touch part memory). listen() returns when the
// port is open; stop() and the destructor end every connection. The jobs and the engine must
// outlive it, but the engine may still call back after. The only files that see Asio and Beast are
// api*.cc; plain HTTP/1.1, keep-alive, no TLS: put a proxy before it for that.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "daemon/api_state.h"
#include "daemon/job_engine.h"
#include "daemon/job_service.h"

namespace s3zipd {

class ApiServer {
  public:
    static base::Result<std::unique_ptr<ApiServer>> listen(const std::string& address,
                                                           std::uint16_t port, JobService& jobs,
                                                           JobEngine& engine, ApiLimits limits);
    ~ApiServer();
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;

    // Whether a thread of it comes round to something new within this time. Blocks for it.
    bool answers(std::chrono::milliseconds timeout) const;
    const std::string& address() const;  // "127.0.0.1:8420", "[::1]:8420"

    // /readyz says 503, and every answer closes its connection; new ones are still accepted, so
    // that people can watch the last jobs end.
    void begin_stopping();
    // As begin_stopping(), and no new connections.
    void stop_accepting();
    // Waits for answers being written, at most this long, then ends all.
    void stop(std::chrono::milliseconds timeout);

    const ApiState& state() const;

  private:
    struct Impl;
    explicit ApiServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace s3zipd
