#include "cli/http_address.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <algorithm>

#include "config/listen_address.h"
#include "s3client/http_url.h"

namespace cli {
namespace {

constexpr std::string_view kUnix = "unix:";

base::Result<DaemonAddress> bad_url(std::string_view url, std::string_view what) {
    return base::fail(
        base::ErrorKind::invalid, "bad_url",
        fmt::format("--daemon {}: {}; write http://host:port, https://host:port or unix:/path", url,
                    what));
}

base::Result<DaemonAddress> parse_unix(std::string_view url) {
    DaemonAddress address;
    address.transport = Transport::unix_socket;
    address.socket_path = url.substr(kUnix.size());
    address.host_header = "localhost";
    if (!address.socket_path.starts_with('/')) return bad_url(url, "the path must be absolute");
    if (address.socket_path.size() >= sizeof(sockaddr_un::sun_path))
        return bad_url(url, "the path of a socket has 107 bytes at most");
    return address;
}

bool is_loopback(std::string_view host) {
    // https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    const bool is_name = std::ranges::equal(
        host, std::string_view("localhost"),
        [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
    return is_name || config::is_local({.address = std::string(host), .port = 0, .unix_path = {}});
}

}  // namespace

bool DaemonAddress::is_exposed() const {
    return transport == Transport::http && !is_loopback(host);
}

base::Result<DaemonAddress> parse_daemon_address(std::string_view url) {
    if (url.starts_with(kUnix)) return parse_unix(url);
    // What stands before an @ may be secret, also where a slash in it makes a path of it.
    if (url.contains('@')) return bad_url("URL", "a user, password or token does not go in there");
    const auto parsed = s3client::parse_http_url(url);
    if (!parsed) return bad_url(url, parsed.error().detail);
    if (parsed->target.contains('?')) return bad_url(url, "must have no query");
    DaemonAddress address;
    address.transport = parsed->endpoint.tls ? Transport::https : Transport::http;
    address.host = parsed->endpoint.host;
    address.port = fmt::format("{}", parsed->endpoint.port);
    address.prefix = parsed->target;
    while (address.prefix.ends_with('/')) address.prefix.pop_back();
    const bool is_v6 = address.host.contains(':');
    address.host_header =
        fmt::format("{}{}{}:{}", is_v6 ? "[" : "", address.host, is_v6 ? "]" : "", address.port);
    return address;
}

}  // namespace cli
