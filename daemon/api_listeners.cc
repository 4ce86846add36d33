#include "daemon/api_listeners.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/strand.hpp>
#include <cstring>

namespace s3zipd {
namespace {

namespace asio = boost::asio;
using asio::generic::stream_protocol;
using Local = asio::local::stream_protocol;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

base::Error cannot_listen(const std::string& address, std::string_view what, const std::string& why,
                          base::ErrorKind kind = base::ErrorKind::transient) {
    return {kind, "cannot_listen", fmt::format("{}: {}: {}", address, what, why), 0, {}, {}};
}

std::string to_text(const tcp::endpoint& endpoint) {
    const std::string ip = endpoint.address().to_string();
    return endpoint.address().is_v6() ? fmt::format("[{}]:{}", ip, endpoint.port())
                                      : fmt::format("{}:{}", ip, endpoint.port());
}

// Once it listens: where, and what for.
void begin_to_accept(ApiListener& listener) {
    ErrorCode error;
    listener.acceptor.non_blocking(true, error);  // several are accepted in one go
    const stream_protocol::endpoint endpoint = listener.acceptor.local_endpoint(error);
    if (endpoint.protocol().family() == AF_UNIX) {
        const auto* address = reinterpret_cast<const sockaddr_un*>(endpoint.data());
        listener.address = fmt::format("unix:{}", address->sun_path);
        listener.is_local = true;
        return;
    }
    tcp::endpoint ip;
    if (endpoint.size() > ip.capacity()) return;
    std::memcpy(ip.data(), endpoint.data(), endpoint.size());
    listener.address = to_text(ip);
    listener.is_local = ip.address().is_loopback();
}

// A socket that a process which is gone has left would keep us from binding.
bool remove_dead_socket(const std::string& path) {
    struct stat found{};
    if (lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return false;
    asio::io_context io;
    Local::socket probe(io);
    ErrorCode error;
    if (probe.open(Local(), error); error) return false;
    probe.non_blocking(true, error);  // one that hangs is not dead
    probe.connect(Local::endpoint(path), error);
    return error == asio::error::connection_refused && unlink(path.c_str()) == 0;
}

base::Status open(ApiListener& listener, const stream_protocol& protocol,
                  const stream_protocol::endpoint& endpoint, const std::string& name) {
    ErrorCode error;
    auto& acceptor = listener.acceptor;
    if (acceptor.open(protocol, error); error)
        return base::fail(cannot_listen(name, "socket", error.message()));
    if (acceptor.set_option(asio::socket_base::reuse_address(true), error); error)
        return base::fail(cannot_listen(name, "SO_REUSEADDR", error.message()));
    if (acceptor.bind(endpoint, error); error)
        return base::fail(cannot_listen(name, "bind", error.message()));
    return {};
}

base::Status open_tcp(ApiListener& listener, const config::ListenAddress& address) {
    const std::string name = fmt::format("{}:{}", address.address, address.port);
    ErrorCode error;
    const auto ip = asio::ip::make_address(address.address, error);
    if (error)
        return base::fail(
            cannot_listen(name, "not an address", error.message(), base::ErrorKind::invalid));
    const tcp::endpoint endpoint(ip, address.port);
    return open(listener, endpoint.protocol(), endpoint, name);
}

base::Status open_unix(ApiListener& listener, const std::string& path, unsigned mode) {
    const std::string name = "unix:" + path;
    if (path.size() >= sizeof sockaddr_un{}.sun_path)
        return base::fail(
            cannot_listen(name, "bind", "the path is too long", base::ErrorKind::invalid));
    remove_dead_socket(path);
    const Local::endpoint endpoint(path);
    if (auto opened = open(listener, Local(), endpoint, name); !opened) return opened;
    listener.unix_file =
        std::shared_ptr<const void>(nullptr, [path](const void*) { unlink(path.c_str()); });
    // Nobody can connect before listen().
    if (chmod(path.c_str(), mode) != 0)
        return base::fail(cannot_listen(name, "chmod", std::strerror(errno)));
    return {};
}

}  // namespace

base::Result<std::vector<ApiListener>> open_listeners(
    asio::io_context& io, const std::vector<config::ListenAddress>& addresses, unsigned unix_mode) {
    std::vector<ApiListener> listeners;
    for (const config::ListenAddress& address : addresses) {
        ApiListener listener{ApiListener::Acceptor(asio::make_strand(io)), {}, false, {}};
        auto opened = address.unix_path.empty() ? open_tcp(listener, address)
                                                : open_unix(listener, address.unix_path, unix_mode);
        if (!opened) return base::fail(opened.error());
        ErrorCode error;
        listener.acceptor.listen(asio::socket_base::max_listen_connections, error);
        begin_to_accept(listener);
        if (error) return base::fail(cannot_listen(listener.address, "listen", error.message()));
        listeners.push_back(std::move(listener));
    }
    return listeners;
}

base::Result<std::vector<ApiListener>> adopt_listeners(asio::io_context& io,
                                                       const std::vector<int>& sockets) {
    std::vector<ApiListener> listeners;
    for (const int socket : sockets) {
        const std::string name = fmt::format("the inherited socket {}", socket);
        int type = 0, listening = 0, family = 0;
        socklen_t size = sizeof(int);
        const bool known = getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
                           getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
                           getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0;
        const bool of_ours = family == AF_INET || family == AF_INET6 || family == AF_UNIX;
        if (!known || type != SOCK_STREAM || listening == 0 || !of_ours) {
            return base::fail(
                cannot_listen(name, "adopt", "it is no listening TCP or Unix stream socket"));
        }
        ApiListener listener{ApiListener::Acceptor(asio::make_strand(io)), {}, false, {}};
        ErrorCode error;
        listener.acceptor.assign(stream_protocol(family, 0), socket, error);
        if (error) return base::fail(cannot_listen(name, "adopt", error.message()));
        begin_to_accept(listener);
        listeners.push_back(std::move(listener));
    }
    return listeners;
}

}  // namespace s3zipd
