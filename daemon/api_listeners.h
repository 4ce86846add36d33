// The sockets that the REST API listens on: TCP, Unix, or handed over by systemd.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/listen_address.h"

namespace s3zipd {

struct ApiListener {
    using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;
    Acceptor acceptor;
    std::string address;    // "127.0.0.1:8420", "[::1]:8420", "unix:/run/s3zipd/api.sock"
    bool is_local = false;  // nobody on another machine can connect
    bool is_unix() const { return address.starts_with("unix:"); }
    std::shared_ptr<const void> unix_file;  // of a socket that we have made; goes with the last
};

// Each on a strand of its own. A Unix socket that nobody listens on any more is replaced. Errors:
// "cannot_listen", which name the address: invalid, or transient where it may be free later.
base::Result<std::vector<ApiListener>> open_listeners(
    boost::asio::io_context& io, const std::vector<config::ListenAddress>& addresses,
    unsigned unix_mode);
// Of listening stream sockets, which become ours.
base::Result<std::vector<ApiListener>> adopt_listeners(boost::asio::io_context& io,
                                                       const std::vector<int>& sockets);

}  // namespace s3zipd
