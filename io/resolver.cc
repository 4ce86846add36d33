#include "io/resolver.h"

#include <fmt/format.h>
#include <netdb.h>
#include <cstring>

namespace io {
namespace {

base::Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port,
                                                 bool numeric) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : AI_ADDRCONFIG);
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (error != 0) {
        return base::fail(base::ErrorKind::transient, "name_not_resolved",
                          fmt::format("{}: {}", host, ::gai_strerror(error)));
    }
    std::vector<SocketAddress> addresses;
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
        SocketAddress& address = addresses.emplace_back();
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.size = at->ai_addrlen;
    }
    ::freeaddrinfo(list);
    return addresses;
}

}  // namespace

Task<base::Result<SocketAddress>> Resolver::resolve(std::string host, std::uint16_t port) {
    const std::pair<std::string, std::uint16_t> name(host, port);
    auto known = known_.find(name);
    if (known == known_.end() || known->second.expires <= reactor_.now()) {
        auto found = look_up(host, port, true);
        if (!found) {
            found = co_await worker_.run(reactor_,
                                         [&host, port] { return look_up(host, port, false); });
        }
        if (!found) co_return std::unexpected(found.error());
        known = known_.try_emplace(name).first;
        known->second.addresses = std::move(*found);
        known->second.expires = reactor_.now() + kAddressTtl;
    }
    Known& entry = known->second;
    co_return entry.addresses[entry.next++ % entry.addresses.size()];
}

void Resolver::forget(const std::string& host, std::uint16_t port) {
    const auto known = known_.find({host, port});
    if (known != known_.end()) known->second.expires = {};
}

}  // namespace io
