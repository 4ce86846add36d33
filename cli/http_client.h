// HTTP/1.1 to the daemon, plain, over TLS or over a Unix socket: one connection for each request,
// which is nothing beside the job it starts. The token goes with every request, and into no error.
//
// Blocks the calling thread; every wait has a deadline. Not thread-safe. Errors: invalid "bad_url",
// "bad_tls" and "token_exposed"; transient "daemon_unreachable" for whatever kept an answer from
// coming; denied "daemon_untrusted" if the sides of TLS do not accept each other; cancelled. An
// HTTP status is never an error here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/daemon_access.h"
#include "cli/http_address.h"

namespace cli {

class HttpTls;

struct HttpResponse {
    unsigned status = 0;
    std::string body;  // at most kBodyMax_bytes
};

class HttpClient {
  public:
    static constexpr std::uint64_t kBodyMax_bytes =
        256 << 20;  // a failed job of a million skipped objects fits
    static constexpr std::chrono::seconds kConnectTimeout{10};
    static constexpr std::chrono::seconds kAnswerTimeout{60};
    static constexpr std::chrono::seconds kPlanTimeout{600};  // a plan lists its sources first
    static constexpr std::chrono::seconds kSilenceMax{30};    // of an event stream

    // Reads the files of TLS. A token for a place where others can read it is an error, unless
    // access.token_over_http.
    static base::Result<HttpClient> create(const DaemonAccess& access);

    base::Result<HttpResponse> send(std::string_view method, std::string_view target,
                                    std::string body = {},
                                    std::chrono::seconds timeout = kAnswerTimeout);

    // GETs a body without end and hands out its pieces, until the peer ends it (ok) or keep_going,
    // asked ten times a second, says no (cancelled). Returns the status; unless that is 200,
    // on_bytes was not called.
    base::Result<unsigned> stream(std::string_view target,
                                  const std::function<void(std::string_view)>& on_bytes,
                                  const std::function<bool()>& keep_going);

    const DaemonAccess& access() const { return access_; }

  private:
    DaemonAccess access_;
    DaemonAddress address_;
    std::shared_ptr<const HttpTls> tls_;  // none: not https
};

}  // namespace cli
