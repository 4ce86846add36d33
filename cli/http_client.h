// Plain HTTP/1.1 to the daemon: one connection for each request, which is nothing beside the job it
// starts.
//
// Blocks the calling thread; every wait has a deadline. Not thread-safe. Errors: invalid "bad_url";
// transient "daemon_unreachable" for whatever kept an answer from coming; cancelled. An HTTP status
// is never an error here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cli {

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

    // http://host[:port][/prefix]
    static base::Result<HttpClient> create(std::string_view url);

    base::Result<HttpResponse> send(std::string_view method, std::string_view target,
                                    std::string body = {},
                                    std::chrono::seconds timeout = kAnswerTimeout);

    // GETs a body without end and hands out its pieces, until the peer ends it (ok) or keep_going,
    // asked ten times a second, says no (cancelled). Returns the status; unless that is 200,
    // on_bytes was not called.
    base::Result<unsigned> stream(std::string_view target,
                                  const std::function<void(std::string_view)>& on_bytes,
                                  const std::function<bool()>& keep_going);

    const std::string& url() const { return url_; }

  private:
    std::string url_, host_, port_, prefix_;
};

}  // namespace cli
