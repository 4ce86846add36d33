// The thread that asks name servers, through c-ares, for the Resolvers of all reactors.
//
// A thread, because c-ares opens and closes sockets when it likes and reads /etc/hosts and
// /etc/resolv.conf: a back end wants to see a socket leave before it is closed, and no reactor may
// read files. It waits for all names at once; a slow server delays only those who ask for its
// names. c-ares' own event thread would do, but Debian 12's release has none.
//
// Thread-safe. It outlives its askers; they hold it together.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "io/stream.h"

namespace io {

// "name_not_resolved", transient.
base::Error not_resolved(const std::string& host, std::string_view why);

class ResolverThread {
  public:
    struct Options {
        std::string servers;  // "127.0.0.1:5300,..."; empty: what /etc/resolv.conf names
        base::Duration timeout = std::chrono::milliseconds(1500);  // of a try; the next gets twice
        int tries = 2;                                             // of each server
        bool hosts_from_environment = false;  // the file $CARES_HOSTS instead of /etc/hosts
    };
    struct Answer {
        std::vector<SocketAddress> addresses;  // best first (RFC 6724), port 0
        base::Duration ttl{};                  // the shortest of them
    };
    // Called once, on the resolver's thread: it must not block, nor call back.
    using Done = std::move_only_function<void(const base::Result<Answer>&)>;

    static constexpr std::size_t kQueriesMax = 1024;

    static base::Result<std::shared_ptr<ResolverThread>> start(const Options& options);
    // The process's own: started by the first who needs it, ended with the last who holds it.
    static base::Result<std::shared_ptr<ResolverThread>> shared();
    ~ResolverThread();

    // Who asks for a name that is being asked for shares the answer. /etc/hosts goes first.
    void look_up(const void* asker, const std::string& host, Done done);
    // Once it has returned, nothing of this asker is called or running.
    void leave(const void* asker);

  private:
    class Impl;
    explicit ResolverThread(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace io
