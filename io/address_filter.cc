#include "io/address_filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>
#include <array>
#include <optional>

namespace io {
namespace {

struct Refused {
    base::IpNetwork network;
    std::string_view what;
};

base::IpNetwork network(std::string_view text) { return *base::parse_ip_network(text); }

// The first that contains the address names it.
const std::vector<Refused>& refused_networks() {
    static const std::vector<Refused> networks = {
        // https://www.iana.org/assignments/iana-ipv4-special-registry
        {network("0.0.0.0/32"), "unspecified"},
        {network("0.0.0.0/8"), "this network"},
        {network("127.0.0.0/8"), "loopback"},
        {network("169.254.0.0/16"), "link-local"},    // metadata: 169.254.169.254, .170.2, .170.23
        {network("192.0.0.0/24"), "reserved"},        // metadata of Oracle: 192.0.0.192
        {network("100.100.100.200/32"), "metadata"},  // of Alibaba
        {network("168.63.129.16/32"), "metadata"},    // of Azure
        {network("224.0.0.0/4"), "multicast"},
        {network("255.255.255.255/32"), "broadcast"},
        {network("240.0.0.0/4"), "reserved"},
        // https://www.iana.org/assignments/iana-ipv6-special-registry
        {network("::/128"), "unspecified"},
        {network("::1/128"), "loopback"},
        {network("fe80::/10"), "link-local"},
        {network("ff00::/8"), "multicast"},
        {network("fd00:ec2::/32"), "metadata"},     // of AWS: ::254, of EKS pods: ::23
        {network("fd20:ce::254/128"), "metadata"},  // of Google
        {network("fd00:42::42/128"), "metadata"},   // of Scaleway
        // Where these end up, somebody else decides.
        {network("64:ff9b:1::/48"), "local NAT64"},
        {network("2001::/32"), "Teredo"},
    };
    return networks;
}

// An IPv6 address that is translated or tunnelled to an IPv4 address.
std::optional<base::IpAddress> inner_v4(const base::IpAddress& address) {
    static const std::array kAtTheEnd = {
        network("64:ff9b::/96"),     // NAT64, RFC 6052
        network("::ffff:0:0:0/96"),  // SIIT, RFC 2765
        network("::/96"),            // IPv4-compatible, RFC 4291
    };
    static const base::IpNetwork k6to4 = network("2002::/16");  // RFC 3056
    if (address.is_v4()) return std::nullopt;
    if (std::ranges::any_of(kAtTheEnd, [&](const auto& one) { return one.contains(address); }))
        return base::IpAddress::v4(address.last_32_bits());
    if (k6to4.contains(address)) return base::IpAddress::v4(address.bits_at(2));
    // ISATAP, RFC 5214: any prefix, then 0000:5efe or 0200:5efe.
    constexpr std::uint32_t kIsatap = 0x00005EFE, kGlobalBit = 0x02000000;
    if ((address.bits_at(8) & ~kGlobalBit) == kIsatap)
        return base::IpAddress::v4(address.last_32_bits());
    return std::nullopt;
}

std::string_view name_of(const base::IpAddress& address) {
    for (const Refused& one : refused_networks()) {
        if (one.network.contains(address)) return one.what;
    }
    return {};
}

}  // namespace

std::string_view AddressFilter::refusal(const base::IpAddress& address) const {
    if (std::ranges::any_of(allowed_, [&](const auto& one) { return one.contains(address); }))
        return {};
    if (const std::string_view what = name_of(address); !what.empty()) return what;
    const auto inner = inner_v4(address);
    return inner ? name_of(*inner) : std::string_view{};
}

std::string_view AddressFilter::refusal(const SocketAddress& address) const {
    if (address.storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        return refusal(base::IpAddress::v4(ntohl(v4.sin_addr.s_addr)));
    }
    if (address.storage.ss_family != AF_INET6) return "no IP";
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
    base::IpAddress bytes;
    std::ranges::copy(v6.sin6_addr.s6_addr, bytes.bytes.begin());
    return refusal(bytes);
}

}  // namespace io
