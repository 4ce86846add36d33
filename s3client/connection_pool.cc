#include "s3client/connection_pool.h"

#include <fmt/format.h>
#include <utility>

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
                               std::optional<io::AddressFilter> filter)
    : reactor_(reactor),
      resolver_(reactor, std::move(resolver)),
      filter_(std::move(filter)),
      tls_(std::move(tls)),
      idle_max_(idle_max) {}

io::Task<base::Result<ConnectionLease>> ConnectionPool::acquire(Target target, bool fresh,
                                                                io::Bounds bounds) {
    ++leased_;
    ConnectionLease lease(*this, {target.connect_host, target.port, target.tls});
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

io::Task<base::Result<std::unique_ptr<Connection>>> ConnectionPool::open(const Target& target,
                                                                         io::Bounds bounds) {
    io::Bounds quick = bounds;
    quick.deadline = std::min(bounds.deadline, reactor_.now() + kConnectTimeout);
    if (target.tls && !tls_) {
        co_return base::fail(base::ErrorKind::invalid, "ca_bundle",
                             "no certificates of CAs could be read, which https needs");
    }
    auto addresses = co_await resolver_.resolve(target.connect_host, target.port, quick);
    if (!addresses) co_return std::unexpected(addresses.error());
    if (filter_) {
        if (auto left = keep_allowed(*filter_, target.connect_host, *addresses); !left)
            co_return std::unexpected(left.error());
    }
    for (std::size_t i = 0;; ++i) {
        const bool last = i + 1 == addresses->size();
        auto stream = co_await connect(target, (*addresses)[i], last, quick);
        if (stream) {
            ++opened_;
            co_return std::make_unique<Connection>(std::move(*stream));
        }
        const bool may_help = stream.error().kind == base::ErrorKind::transient;
        if (last || !may_help || reactor_.now() >= quick.deadline) {
            co_return std::unexpected(stream.error());
        }
    }
}

io::Task<base::Result<std::unique_ptr<io::Stream>>> ConnectionPool::connect(
    const Target& target, io::SocketAddress address, bool last, io::Bounds bounds) {
    // The handshake is not cut short: who accepts a connection may be slow to greet.
    io::Bounds attempt = bounds;
    if (!last) {
        attempt.deadline = std::min(attempt.deadline, reactor_.now() + kAddressTimeout);
    }
    auto stream = co_await io::connect_tcp(reactor_, address, attempt);
    if (stream && target.tls) {
        stream = co_await io::start_tls(tls_, std::move(*stream), target.connect_host, bounds);
    }
    if (stream) {
        resolver_.worked(target.connect_host, target.port, address);
    } else if (stream.error().kind != base::ErrorKind::cancelled) {
        resolver_.failed(target.connect_host, target.port, address);
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
