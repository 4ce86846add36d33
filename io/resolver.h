// Host names to addresses, as a connection needs them: the ones to try, best first.
//
// Connections are spread over all addresses that a name has, and over those its earlier answers
// had: S3 names up to 8 of many at a time. An answer is refreshed in the background once its TTL
// has run out; what is known serves meanwhile, and up to kStaleMax if no name server answers.
// Addresses that failed come last for a while. The families alternate, the one that RFC 6724
// prefers first, so that a host whose IPv6 (or IPv4) leads nowhere is still reached.
//
// One per reactor, not thread-safe; the thread behind it is shared and starts with the first name
// that needs it. Numeric addresses and localhost (RFC 6761) never do.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "io/resolver_thread.h"
#include "io/stream.h"
#include "io/sync.h"

namespace io {

// What a numeric address, however spelled ("0x7f.1"), or localhost stands for, with port 0; empty
// for the names that servers are asked for. Touches no network.
std::vector<SocketAddress> fixed_addresses(const std::string& host);

class Resolver {
  public:
    // Bounds of a TTL; also how soon a failed refresh is tried again.
    static constexpr base::Duration kTtlMin = std::chrono::seconds(5);
    static constexpr base::Duration kTtlMax = std::chrono::seconds(60);
    static constexpr base::Duration kKeep = std::chrono::seconds(60);  // what newer answers lack
    static constexpr base::Duration kStaleMax = std::chrono::minutes(5);
    static constexpr base::Duration kAvoid = std::chrono::seconds(30);  // after a failure
    static constexpr std::size_t kTriesMax = 4;                         // addresses given at once
    static constexpr std::size_t kAddressesMax = 64;                    // known of a name
    static constexpr std::size_t kNamesMax = 1024;  // the one not used for longest goes

    explicit Resolver(Reactor& reactor, std::shared_ptr<ResolverThread> thread = nullptr);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // At least one, at most kTriesMax addresses. Who gives up waiting leaves the look-up to others.
    Task<base::Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port,
                                                           Bounds bounds);
    // How connecting to an address of this name went. A failure also hastens the next refresh.
    void failed(const std::string& host, std::uint16_t port, const SocketAddress& address);
    void worked(const std::string& host, std::uint16_t port, const SocketAddress& address);

  private:
    struct Known;
    using Name = std::pair<std::string, std::uint16_t>;
    std::shared_ptr<Known> find_or_add(const Name& name);
    bool make_room();
    void ask(const std::shared_ptr<Known>& known, const std::string& host);

    Reactor& reactor_;
    std::shared_ptr<ResolverThread> thread_;
    std::map<Name, std::shared_ptr<Known>> known_;
};

}  // namespace io
