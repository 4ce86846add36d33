// Where the daemon is, read from --daemon. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cli {

enum class Transport : std::uint8_t { http, https, unix_socket };

struct DaemonAddress {
    Transport transport = Transport::http;
    std::string host;         // a name or an IP address, IPv6 without brackets
    std::string port;         // digits
    std::string prefix;       // of every target: "" or "/path", percent-encoded
    std::string socket_path;  // absolute; of unix_socket, which has no host, port or prefix
    std::string host_header;  // "[::1]:8420"

    // Whether others may read what is sent there.
    bool is_exposed() const;
};

// http://host[:port][/prefix], https://host[:port][/prefix], unix:/path. Errors: invalid "bad_url".
base::Result<DaemonAddress> parse_daemon_address(std::string_view url);

}  // namespace cli
