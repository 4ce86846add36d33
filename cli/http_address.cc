#include "cli/http_address.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <boost/asio/ip/address.hpp>
#include <boost/url/grammar/ci_string.hpp>
#include <boost/url/parse.hpp>

namespace cli {
namespace {

constexpr std::string_view kUnix = "unix:";

base::Result<DaemonAddress> bad_url(std::string_view url, std::string_view what) {
    return base::fail(base::ErrorKind::invalid, "bad_url",
                      fmt::format("--daemon {}: {}", url, what));
}

base::Result<DaemonAddress> parse_unix(std::string_view url) {
    DaemonAddress address;
    address.transport = Transport::unix_socket;
    address.socket_path = url.substr(kUnix.size());
    address.host_header = "localhost";
    if (!address.socket_path.starts_with('/')) return bad_url(url, "write unix:/path");
    if (address.socket_path.size() >= sizeof(sockaddr_un::sun_path))
        return bad_url(url, "the path of a socket has 107 bytes at most");
    return address;
}

bool is_loopback(const std::string& host) {
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    if (!error) return address.is_loopback();
    // https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    return boost::urls::grammar::ci_is_equal(host, "localhost");
}

}  // namespace

bool DaemonAddress::is_exposed() const {
    return transport == Transport::http && !is_loopback(host);
}

base::Result<DaemonAddress> parse_daemon_address(std::string_view url) {
    if (url.starts_with(kUnix)) return parse_unix(url);
    constexpr std::string_view kDue = "write http://host:port, https://host:port or unix:/path";
    const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
    // What stands before an @ may be secret, also in a URL that is otherwise wrong.
    if (parsed ? parsed->has_userinfo() : url.contains('@'))
        return bad_url("URL", "a user, password or token does not go in there");
    if (!parsed || parsed->host().empty() || parsed->has_query() || parsed->has_fragment())
        return bad_url(url, kDue);
    DaemonAddress address;
    if (parsed->scheme() == "https") {
        address.transport = Transport::https;
    } else if (parsed->scheme() != "http") {
        return bad_url(url, kDue);
    }
    address.host = parsed->host_address();
    address.port = parsed->has_port() && !parsed->port().empty() ? std::string(parsed->port())
                   : address.transport == Transport::https       ? "443"
                                                                 : "80";
    address.prefix = std::string(parsed->encoded_path());
    while (address.prefix.ends_with('/')) address.prefix.pop_back();
    address.host_header = std::string(parsed->encoded_host()) + ":" + address.port;
    return address;
}

}  // namespace cli
