// The connections of one reactor: leased for one exchange, kept alive between them.
//
// How many are leased at a time is Admission's business; at most idle_max are kept. Idle ones are
// reused newest first and dropped after kIdleMax, before S3 drops them (about 5 s). Not
// thread-safe. It outlives its leases; destroying it closes the idle.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "io/address_filter.h"
#include "io/resolver.h"
#include "io/tls.h"
#include "s3client/connection.h"
#include "s3client/endpoint.h"
#include "s3client/proxy.h"

namespace s3client {

class ConnectionPool;

// Gives its connection back when destroyed: to the pool if it is reusable, else it is closed.
class ConnectionLease {
  public:
    ConnectionLease(ConnectionLease&& other) noexcept;
    ConnectionLease& operator=(ConnectionLease&&) = delete;
    ~ConnectionLease();
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }
    bool reused() const { return reused_; }  // it may have been closed by the peer meanwhile

  private:
    friend class ConnectionPool;
    // Host, port, TLS, and the proxy on the way; empty: none.
    using Key = std::tuple<std::string, std::uint16_t, bool, std::string>;
    ConnectionLease(ConnectionPool& pool, Key key) : pool_(&pool), key_(std::move(key)) {}
    ConnectionPool* pool_;
    Key key_;
    std::unique_ptr<Connection> connection_;
    bool reused_ = false;
};

class ConnectionPool {
  public:
    static constexpr base::Duration kIdleMax = std::chrono::milliseconds(3500);
    // From the look-up to the end of the handshake; and of each address but the last to try.
    static constexpr base::Duration kConnectTimeout = std::chrono::seconds(5);
    static constexpr base::Duration kAddressTimeout = std::chrono::milliseconds(1500);

    // filter: which addresses may be connected to; none: all.
    // proxies: which targets are reached through a proxy; none: no target.
    ConnectionPool(io::Reactor& reactor, std::shared_ptr<io::TlsContext> tls, unsigned idle_max,
                   std::shared_ptr<io::ResolverThread> resolver = nullptr,
                   std::optional<io::AddressFilter> filter = std::nullopt,
                   std::shared_ptr<const ProxyRules> proxies = nullptr);

    // For connections opened from now on.
    void set_filter(io::AddressFilter filter) { filter_ = std::move(filter); }

    // Errors: denied "address_refused" if the filter leaves no address of the host; those of
    // io::Resolver, io::connect_tcp(), io::start_tls() and open_tunnel(), whose detail names the
    // proxy if there is one.
    // fresh: do not hand out an idle one (after a reused one turned out dead).
    io::Task<base::Result<ConnectionLease>> acquire(Target target, bool fresh, io::Bounds bounds);

    std::uint64_t connections_open() const { return leased_ + idle_count_; }
    std::uint64_t connections_opened() const { return opened_; }

  private:
    friend class ConnectionLease;
    struct Idle {
        std::unique_ptr<Connection> connection;
        base::SteadyTime since;
    };
    std::unique_ptr<Connection> take_idle(const ConnectionLease::Key& key);
    io::Task<base::Result<std::unique_ptr<Connection>>> open(const Target& target,
                                                             io::Bounds bounds);
    const Proxy* proxy_of(const Target& target) const;
    io::Task<base::Result<std::unique_ptr<Connection>>> open_by(const Proxy* proxy,
                                                                const Target& target,
                                                                io::Bounds bounds);
    io::Task<base::Result<std::unique_ptr<io::Stream>>> connect(const Proxy* proxy,
                                                                const Target& target,
                                                                io::SocketAddress address,
                                                                bool last, io::Bounds bounds);
    void give_back(ConnectionLease& lease);
    void drop_stale();

    io::Reactor& reactor_;
    io::Resolver resolver_;
    std::optional<io::AddressFilter> filter_;
    std::shared_ptr<io::TlsContext> tls_;
    const std::shared_ptr<const ProxyRules> proxies_;
    const unsigned idle_max_;
    std::map<ConnectionLease::Key, std::deque<Idle>> idle_;  // oldest first
    std::uint64_t leased_ = 0, idle_count_ = 0, opened_ = 0;
};

}  // namespace s3client
