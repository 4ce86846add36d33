#include "s3client/connection_pool.h"

#include <fmt/format.h>
#include <utility>

#include "s3client/proxy_tunnel.h"

namespace s3client {
namespace {

// Takes out the addresses that the filter refuses. An error if none is left.
base::Status keep_allowed(const io::AddressFilter& filter, const std::string& host,
                          std::vector<io::SocketAddress>& addresses) {
    std::string_view why;
    std::erase_if(addresses, [&](const io::SocketAddress& address) {
        const std::string_view refusal = filter.refusal(address);
        if (!refusal.empty()) why = refusal;
        return !refusal.empty();
    });
    if (!addresses.empty()) return {};
    return base::fail(base::ErrorKind::denied, "address_refused",
                      fmt::format("{}: its address is not to be connected to: {}", host, why));
}

// Plain HTTP through a proxy has no tunnel.
std::optional<AbsoluteForm> form_of(const Proxy* proxy, const Target& target) {
    if (proxy == nullptr || target.tls) return std::nullopt;
    const Endpoint origin{.tls = false,
                          .aws = false,
                          .host = target.connect_host,
                          .port = target.port,
                          .path_prefix{}};
    return AbsoluteForm{origin.url(), proxy->authorization, proxy->authority()};
}

}  // namespace

ConnectionLease::ConnectionLease(ConnectionLease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      key_(std::move(other.key_)),
      connection_(std::move(other.connection_)),
      reused_(other.reused_) {}

ConnectionLease::~ConnectionLease() {
    if (pool_ != nullptr) pool_->give_back(*this);
}

ConnectionPool::ConnectionPool(io::Reactor& reactor, std::shared_ptr<io::TlsContext> tls,
                               unsigned idle_max, std::shared_ptr<io::ResolverThread> resolver,
                               std::optional<io::AddressFilter> filter,
                               std::shared_ptr<const ProxyRules> proxies)
    : reactor_(reactor),
      resolver_(reactor, std::move(resolver)),
      filter_(std::move(filter)),
      tls_(std::move(tls)),
      proxies_(std::move(proxies)),
      idle_max_(idle_max) {}

io::Task<base::Result<ConnectionLease>> ConnectionPool::acquire(Target target, bool fresh,
                                                                io::Bounds bounds) {
    ++leased_;
    const Proxy* proxy = proxy_of(target);
    ConnectionLease lease(*this, {target.connect_host, target.port, target.tls,
                                  proxy == nullptr ? std::string() : proxy->authority()});
    drop_stale();
    if (!fresh) lease.connection_ = take_idle(lease.key_);
    lease.reused_ = lease.connection_ != nullptr;
    if (!lease.reused_) {
        auto opened = co_await open(target, bounds);
        if (!opened) co_return std::unexpected(opened.error());
        lease.connection_ = std::move(*opened);
    }
    co_return std::move(lease);
}

std::unique_ptr<Connection> ConnectionPool::take_idle(const ConnectionLease::Key& key) {
    auto found = idle_.find(key);
    while (found != idle_.end() && !found->second.empty()) {
        auto connection = std::move(found->second.back().connection);
        found->second.pop_back();
        --idle_count_;
        if (connection->is_quiet()) return connection;
    }
    return nullptr;
}

const Proxy* ConnectionPool::proxy_of(const Target& target) const {
    if (!proxies_ || target.direct) return nullptr;
    return proxies_->proxy_for(target.connect_host, target.port, target.tls);
}

io::Task<base::Result<std::unique_ptr<Connection>>> ConnectionPool::open(const Target& target,
                                                                         io::Bounds bounds) {
    const Proxy* proxy = proxy_of(target);
    auto opened = co_await open_by(proxy, target, bounds);
    if (!opened && proxy != nullptr) {
        opened.error().detail =
            fmt::format("through proxy {}: {}", proxy->authority(), opened.error().detail);
    }
    co_return opened;
}

io::Task<base::Result<std::unique_ptr<Connection>>> ConnectionPool::open_by(const Proxy* proxy,
                                                                            const Target& target,
                                                                            io::Bounds bounds) {
    io::Bounds quick = bounds;
    quick.deadline = std::min(bounds.deadline, reactor_.now() + kConnectTimeout);
    if ((target.tls || (proxy != nullptr && proxy->tls)) && !tls_) {
        co_return base::fail(base::ErrorKind::invalid, "ca_bundle",
                             "no certificates of CAs could be read, which https needs");
    }
    // The target's name is the proxy's to look up.
    const std::string& host = proxy == nullptr ? target.connect_host : proxy->host;
    const std::uint16_t port = proxy == nullptr ? target.port : proxy->port;
    auto addresses = co_await resolver_.resolve(host, port, quick);
    if (!addresses) co_return std::unexpected(addresses.error());
    if (filter_) {
        if (auto left = keep_allowed(*filter_, host, *addresses); !left)
            co_return std::unexpected(left.error());
    }
    for (std::size_t i = 0;; ++i) {
        const bool last = i + 1 == addresses->size();
        auto stream = co_await connect(proxy, target, (*addresses)[i], last, quick);
        if (stream) {
            ++opened_;
            co_return std::make_unique<Connection>(std::move(*stream), form_of(proxy, target));
        }
        const bool may_help = stream.error().kind == base::ErrorKind::transient;
        if (last || !may_help || reactor_.now() >= quick.deadline) {
            co_return std::unexpected(stream.error());
        }
    }
}

io::Task<base::Result<std::unique_ptr<io::Stream>>> ConnectionPool::connect(
    const Proxy* proxy, const Target& target, io::SocketAddress address, bool last,
    io::Bounds bounds) {
    const std::string& host = proxy == nullptr ? target.connect_host : proxy->host;
    const std::uint16_t port = proxy == nullptr ? target.port : proxy->port;
    // The handshake is not cut short: who accepts a connection may be slow to greet.
    io::Bounds attempt = bounds;
    if (!last) {
        attempt.deadline = std::min(attempt.deadline, reactor_.now() + kAddressTimeout);
    }
    auto stream = co_await io::connect_tcp(reactor_, address, attempt);
    if (stream && (proxy == nullptr ? target.tls : proxy->tls)) {
        stream = co_await io::start_tls(tls_, std::move(*stream), host, bounds);
    }
    if (stream) {
        resolver_.worked(host, port, address);
    } else if (stream.error().kind != base::ErrorKind::cancelled) {
        resolver_.failed(host, port, address);
    }
    if (stream && proxy != nullptr && target.tls) {
        stream = co_await open_tunnel(std::move(*stream), *proxy, target.connect_host, target.port,
                                      bounds);
        if (stream) {
            stream = co_await io::start_tls(tls_, std::move(*stream), target.connect_host, bounds);
        }
    }
    co_return stream;
}

void ConnectionPool::give_back(ConnectionLease& lease) {
    --leased_;
    if (lease.connection_ != nullptr && lease.connection_->reusable() && idle_count_ < idle_max_) {
        idle_[lease.key_].push_back({std::move(lease.connection_), reactor_.now()});
        ++idle_count_;
    }
    lease.connection_.reset();
}

void ConnectionPool::drop_stale() {
    const base::SteadyTime oldest = reactor_.now() - kIdleMax;
    for (auto& [key, idle] : idle_) {
        while (!idle.empty() && idle.front().since < oldest) {
            idle.pop_front();
            --idle_count_;
        }
    }
}

}  // namespace s3client
