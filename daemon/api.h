// The REST API on its sockets: listens, keeps connections within bounds and time, and lets Routes
// answer. HTTP/1.1 with keep-alive, over TLS where there is a certificate.
//
// Owns its threads (the control plane's: they never touch part memory). listen() returns when the
// sockets are open; stop() and the destructor end every connection. The jobs, the engine and the
// access must outlive it, but the engine may still call back after. The only files that see Asio
// and Beast are api*.cc.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/listen_address.h"
#include "daemon/access.h"
#include "daemon/api_state.h"
#include "daemon/job_engine.h"
#include "daemon/job_service.h"

namespace s3zipd {

struct TlsFiles {             // PEM
    std::string certificate;  // with the chain to a CA that clients know
    std::string key;
    std::string client_ca;  // clients must show a certificate of these; empty: they need none
};

struct ApiSettings {
    std::vector<config::ListenAddress> listen{};
    unsigned unix_mode = 0660;     // of Unix sockets that we make
    std::vector<int> inherited{};  // listening sockets handed over, which become ours, for `listen`
    std::optional<TlsFiles> tls{};
    ApiLimits limits{};
};

class ApiServer {
  public:
    static base::Result<std::unique_ptr<ApiServer>> listen(const ApiSettings& settings,
                                                           JobService& jobs, JobEngine& engine,
                                                           const Access& access);
    ~ApiServer();
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;

    // Whether a thread of it comes round to something new within this time. Blocks for it.
    bool answers(std::chrono::milliseconds timeout) const;
    // "http://127.0.0.1:8420", "https://[::1]:8420", "unix:/run/s3zipd/api.sock"
    const std::vector<std::string>& urls() const;

    // Connections from now on see these files; after an error, what they saw before. REQUIRES: it
    // listened with TLS.
    base::Status reload_tls(const TlsFiles& files);

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
