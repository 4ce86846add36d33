#include "io/resolver.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <strings.h>
#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace io {
namespace {

bool is_name(std::string_view host) {
    constexpr std::size_t kNameMax = 253, kLabelMax = 63;  // RFC 1035, section 2.3.4
    if (host.ends_with('.')) host.remove_suffix(1);
    std::size_t label = 0;
    for (const char c : host) {
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!word && c != '.') return false;
        if (c == '.' && label == 0) return false;
        label = word ? label + 1 : 0;
        if (label > kLabelMax) return false;
    }
    return label != 0 && host.size() <= kNameMax;
}

bool is_localhost(std::string_view host) {
    constexpr std::string_view kLocalhost = "localhost";
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.size() < kLocalhost.size()) return false;
    const std::string_view end = host.substr(host.size() - kLocalhost.size());
    if (::strncasecmp(end.data(), kLocalhost.data(), end.size()) != 0) return false;
    return end.size() == host.size() || host[host.size() - end.size() - 1] == '.';
}

// Knows scopes ("fe80::1%eth0") too; numeric hosts never make it look anything up.
std::optional<SocketAddress> parse_numeric(const char* host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host, nullptr, &hints, &found) != 0) return std::nullopt;
    SocketAddress address;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.size = found->ai_addrlen;
    ::freeaddrinfo(found);
    return address;
}

void set_port(SocketAddress& address, std::uint16_t port) {
    if (address.storage.ss_family == AF_INET) {
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
    } else {
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
    }
}

bool same(const SocketAddress& a, const SocketAddress& b) {
    return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
}

}  // namespace

std::vector<SocketAddress> fixed_addresses(const std::string& host) {
    if (const auto numeric = parse_numeric(host.c_str())) return {*numeric};
    // IPv4 first: what listens on one of the two only, mostly listens there.
    if (is_localhost(host) && is_name(host))
        return {*parse_numeric("127.0.0.1"), *parse_numeric("::1")};
    return {};
}

struct Resolver::Known {
    struct Candidate {
        SocketAddress address;
        base::SteadyTime named_at{};   // by a name server, last
        base::SteadyTime bad_until{};  // it failed
    };

    Known(Reactor& reactor, std::uint16_t port_) : port(port_), answered(reactor) {}

    bool usable(base::SteadyTime now) const { return !candidates.empty() && now < usable_until; }
    Candidate* find(const SocketAddress& address);
    void take(const base::Result<ResolverThread::Answer>& answer, base::SteadyTime now);
    void take_addresses(const std::vector<SocketAddress>& addresses, base::SteadyTime now);
    std::vector<SocketAddress> to_try(base::SteadyTime now);

    const std::uint16_t port;
    bool fixed = false;                 // no name server is ever asked
    std::vector<Candidate> candidates;  // the latest answer's first, in its order
    std::size_t turn = 0;               // whose turn it is, in each family
    base::SteadyTime asked_at{}, refresh_at{}, usable_until{}, used_at{};
    bool asking = false;
    std::optional<base::Error> error;  // of the latest look-up
    Condition answered;                // has waiters only while asking
};

Resolver::Known::Candidate* Resolver::Known::find(const SocketAddress& address) {
    const auto found = std::ranges::find_if(
        candidates, [&](const Candidate& one) { return same(one.address, address); });
    return found == candidates.end() ? nullptr : &*found;
}

void Resolver::Known::take(const base::Result<ResolverThread::Answer>& answer,
                           base::SteadyTime now) {
    asking = false;
    if (answer) {
        take_addresses(answer->addresses, now);
        refresh_at = now + std::clamp(answer->ttl, kTtlMin, kTtlMax);
        usable_until = now + kStaleMax;
        error.reset();
    } else {
        refresh_at = now + kTtlMin;
        error = answer.error();
    }
    answered.notify_all();
}

void Resolver::Known::take_addresses(const std::vector<SocketAddress>& addresses,
                                     base::SteadyTime now) {
    std::vector<Candidate> before = std::exchange(candidates, {});
    for (SocketAddress address : addresses) {
        set_port(address, port);
        if (find(address) != nullptr) continue;
        Candidate& candidate = candidates.emplace_back(address, now);
        for (const Candidate& old : before) {
            if (same(old.address, address)) candidate.bad_until = old.bad_until;
        }
    }
    for (const Candidate& old : before) {
        if (now - old.named_at < kKeep && find(old.address) == nullptr) candidates.push_back(old);
    }
    if (candidates.size() > kAddressesMax) candidates.resize(kAddressesMax);
}

std::vector<SocketAddress> Resolver::Known::to_try(base::SteadyTime now) {
    std::vector<const Candidate*> preferred, other, bad;
    const auto family = candidates.front().address.storage.ss_family;
    for (const Candidate& one : candidates) {
        const bool is_preferred = one.address.storage.ss_family == family;
        (now < one.bad_until ? bad : is_preferred ? preferred : other).push_back(&one);
    }
    std::ranges::sort(bad, {}, [](const Candidate* one) { return one->bad_until; });

    std::vector<SocketAddress> addresses;
    for (std::size_t i = 0; i < std::max(preferred.size(), other.size()); ++i) {
        for (const auto* group : {&preferred, &other}) {
            if (i >= group->size()) continue;
            addresses.push_back((*group)[(turn + i) % group->size()]->address);
        }
    }
    for (const Candidate* one : bad) addresses.push_back(one->address);
    if (addresses.size() > kTriesMax) addresses.resize(kTriesMax);
    ++turn;
    return addresses;
}

Resolver::Resolver(Reactor& reactor, std::shared_ptr<ResolverThread> thread)
    : reactor_(reactor), thread_(std::move(thread)) {}

Resolver::~Resolver() {
    if (thread_ != nullptr) thread_->leave(this);
}

Task<base::Result<std::vector<SocketAddress>>> Resolver::resolve(std::string host,
                                                                 std::uint16_t port,
                                                                 Bounds bounds) {
    const std::shared_ptr<Known> known = find_or_add({host, port});
    if (known == nullptr) co_return base::fail(not_resolved(host, "too many names at once"));
    const base::SteadyTime now = known->used_at = reactor_.now();
    const bool due = now >= known->refresh_at || !known->usable(now);
    if (!known->fixed && !known->asking && due) ask(known, host);
    if (!known->usable(now) && known->asking) {
        if (auto waited = co_await known->answered.wait(bounds); !waited) {
            base::Error error = std::move(waited.error());
            error.detail = fmt::format("{}: looking up its address: {}", host, error.detail);
            co_return std::unexpected(std::move(error));
        }
    }
    if (known->usable(reactor_.now())) co_return known->to_try(reactor_.now());
    co_return base::fail(known->error.value_or(not_resolved(host, "not a host name")));
}

std::shared_ptr<Resolver::Known> Resolver::find_or_add(const Name& name) {
    if (const auto found = known_.find(name); found != known_.end()) return found->second;
    if (!make_room()) return nullptr;
    const auto& [host, port] = name;
    auto known = std::make_shared<Known>(reactor_, port);
    known->take_addresses(fixed_addresses(host), {});
    known->fixed = !known->candidates.empty() || !is_name(host);
    if (known->fixed) known->usable_until = base::SteadyTime::max();
    // Not all processes begin with the same address.
    if (!known->fixed) known->turn = reactor_.random().below(kAddressesMax);
    known_.emplace(name, known);
    return known;
}

bool Resolver::make_room() {
    if (known_.size() < kNamesMax) return true;
    auto oldest = known_.end();
    for (auto at = known_.begin(); at != known_.end(); ++at) {
        if (at->second->asking) continue;
        if (oldest == known_.end() || at->second->used_at < oldest->second->used_at) oldest = at;
    }
    if (oldest == known_.end()) return false;
    known_.erase(oldest);
    return true;
}

void Resolver::ask(const std::shared_ptr<Known>& known, const std::string& host) {
    known->asked_at = reactor_.now();
    if (thread_ == nullptr) {
        auto thread = ResolverThread::shared();
        if (!thread) {
            known->take(base::fail(not_resolved(host, thread.error().detail)), reactor_.now());
            return;
        }
        thread_ = std::move(*thread);
    }
    known->asking = true;
    // leave() sees to it that the reactor is there when the answer comes; when the message runs,
    // this resolver may be gone.
    thread_->look_up(this, host,
                     [&reactor = reactor_, weak = std::weak_ptr<Known>(known)](
                         const base::Result<ResolverThread::Answer>& answer) {
                         reactor.post([&reactor, weak, answer] {
                             if (auto asked = weak.lock()) asked->take(answer, reactor.now());
                         });
                     });
}

void Resolver::failed(const std::string& host, std::uint16_t port, const SocketAddress& address) {
    const auto found = known_.find({host, port});
    if (found == known_.end()) return;
    Known& known = *found->second;
    if (auto* candidate = known.find(address)) candidate->bad_until = reactor_.now() + kAvoid;
    known.refresh_at = std::min(known.refresh_at, known.asked_at + kTtlMin);
}

void Resolver::worked(const std::string& host, std::uint16_t port, const SocketAddress& address) {
    const auto found = known_.find({host, port});
    if (found == known_.end()) return;
    if (auto* candidate = found->second->find(address)) candidate->bad_until = {};
}

}  // namespace io
