// One connection of the REST API, as a coroutine on its own strand: read a request, answer it,
// again while it is kept alive.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "daemon/access_web.h"
#include "daemon/api_context.h"
#include "daemon/api_stream.h"

namespace s3zipd {

// `place` is its place among the connections; without one it is told 503 and closed. `fresh` goes
// with the first request's coming. The checks of `arrival` are set here, for each request.
boost::asio::awaitable<void> serve_connection(std::shared_ptr<ApiStream> stream,
                                              ApiContext& context, WebArrival arrival,
                                              std::shared_ptr<ApiPlaces::Place> place,
                                              std::unique_ptr<BusyScope> fresh);

}  // namespace s3zipd
