// Host names and origins of web pages, as the settings allowed_hosts and allowed_origins list them
// and as browsers send them in the headers Host and Origin. Pure: resolves nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.h"

namespace config {

inline constexpr std::size_t kWebNamesMax = 100;      // in one setting
inline constexpr std::size_t kWebNameBytesMax = 255;  // DNS's longest name
inline constexpr std::size_t kWebOriginBytesMax = 300;

// A name or an address. Two spellings of one host are equal: the case, a dot at the end of a name,
// and the notation of an address do not matter.
struct WebHost {
    std::string name;  // lower case; empty: `address`
    std::optional<base::IpAddress> address;
    bool operator==(const WebHost&) const = default;
};

// localhost and the names below it (RFC 6761, section 6.3), 127.0.0.0/8 and ::1.
bool is_loopback(const WebHost& host);

struct HostPort {
    WebHost host;
    std::optional<std::uint16_t> port;
};
// The value of a Host header (RFC 9110, section 7.2): uri-host [":" port]. An empty host is none.
std::optional<HostPort> parse_host_port(std::string_view text);

// The origin of a page (RFC 6454, section 6.2), such as "https://ui.example:8443".
struct WebOrigin {
    std::string scheme;  // lower case
    WebHost host;
    std::uint16_t port = 0;  // that of http or https if none is given; 0: none, with other schemes
    bool operator==(const WebOrigin&) const = default;
};
// Returns nothing for "null" and for text with a path, a query or a user.
std::optional<WebOrigin> parse_web_origin(std::string_view text);
// The port that `scheme` stands for; 0: none.
std::uint16_t default_port(std::string_view scheme);

// Comma-separated, with or without spaces; empty: none. They return what is wrong, as in
// config/values.h, and name the entry.
std::string read_web_hosts(std::string_view text, std::vector<WebHost>& out);
std::string read_web_origins(std::string_view text, std::vector<WebOrigin>& out);

}  // namespace config
