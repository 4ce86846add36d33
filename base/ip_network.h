// IP addresses and networks as text and bytes. Pure: no sockets, no names, no scopes.
//
// An IPv4 address is held as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so that both spellings of it are
// one. Only the usual notation is read: four decimal numbers without leading zeros, or RFC 4291's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace base {

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    static IpAddress v4(std::uint32_t address);  // 0x7f000001
    bool is_v4() const;
    std::uint32_t last_32_bits() const { return bits_at(12); }
    std::uint32_t bits_at(std::size_t byte) const;  // the 32 from this byte on
    bool operator==(const IpAddress&) const = default;
};
std::optional<IpAddress> parse_ip_address(std::string_view text);  // IPv6 without brackets

struct IpNetwork {
    IpAddress address;
    unsigned prefix_bits = 128;  // of the 128
    // No IPv6 network contains IPv4 addresses, not even ::/0.
    bool contains(const IpAddress& other) const;
    bool operator==(const IpNetwork&) const = default;
};
// "127.0.0.0/8", "::1/128"; a single address without the slash. Errors: invalid "bad_network".
Result<IpNetwork> parse_ip_network(std::string_view text);
// Comma-separated, with or without spaces; empty: none.
Result<std::vector<IpNetwork>> parse_ip_networks(std::string_view text);

}  // namespace base
