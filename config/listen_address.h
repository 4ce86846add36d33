// Where the REST API listens. Pure: nothing here opens a socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace config {

inline constexpr std::size_t kListenAddressesMax = 16;

struct ListenAddress {
    std::string address;     // an IP address, IPv6 without brackets; empty: unix_path
    std::uint16_t port = 0;  // 0: any free one
    std::string unix_path;   // absolute; empty: TCP
    bool operator==(const ListenAddress&) const = default;
};

// One or several with commas between them, in the spelling of to_string(); "localhost" is
// 127.0.0.1. Empty if it took them, else what is wrong, as in config/values.h.
std::string read_listen(std::string_view text, std::vector<ListenAddress>& out);

// Whether only this machine can connect: 127.0.0.0/8, ::1, or a Unix socket.
bool is_local(const ListenAddress& address);

// "127.0.0.1:8420", "[::1]:8420", "unix:/run/s3zipd/s3zipd.sock".
std::string to_string(const ListenAddress& address);

}  // namespace config
