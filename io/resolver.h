// Host names to addresses. Look-ups run on a WorkerThread (getaddrinfo(3) blocks) and are
// remembered for kAddressTtl; a connection takes the addresses in turn, so that all that S3 names
// are used. One per reactor, not thread-safe; the worker may be shared.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/stream.h"
#include "io/worker_thread.h"

namespace io {

class Resolver {
  public:
    static constexpr base::Duration kAddressTtl = std::chrono::seconds(60);

    Resolver(Reactor& reactor, WorkerThread& worker) : reactor_(reactor), worker_(worker) {}

    // The next address of host:port. Numeric addresses need no look-up.
    Task<base::Result<SocketAddress>> resolve(std::string host, std::uint16_t port);
    // After a failed connection: look the name up afresh next time, and take the address after the
    // one that failed.
    void forget(const std::string& host, std::uint16_t port);

  private:
    struct Known {
        std::vector<SocketAddress> addresses;
        std::size_t next = 0;
        base::SteadyTime expires{};
    };
    Reactor& reactor_;
    WorkerThread& worker_;
    std::map<std::pair<std::string, std::uint16_t>, Known> known_;
};

}  // namespace io
