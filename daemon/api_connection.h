// One connection of the REST API, as a coroutine on its own strand: read a request, answer it,
// again while it is kept alive. Every read and write has a deadline; a client that is too slow is
// cut.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>

#include "daemon/api_context.h"

namespace s3zipd {

// `ticket` is its place among the connections. An overloaded one is told 503 and closed.
boost::asio::awaitable<void> serve_connection(boost::asio::ip::tcp::socket socket,
                                              ApiContext& context, Ticket<std::size_t> ticket,
                                              bool overloaded);

}  // namespace s3zipd
