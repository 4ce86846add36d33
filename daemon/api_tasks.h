// The answers that take time: a plan being made, a stream of events. Coroutines of a connection, on
// its strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <string>

#include "archive/request.h"
#include "daemon/api_context.h"
#include "daemon/http.h"

namespace s3zipd {

// Waits for the journal, at most the limits' journal_timeout; what was asked for may then still be
// done.
boost::asio::awaitable<HttpResponse> submit_job(ApiContext& context,
                                                boost::asio::any_io_executor strand,
                                                Submission submission);
boost::asio::awaitable<HttpResponse> cancel_job(ApiContext& context,
                                                boost::asio::any_io_executor strand,
                                                std::string id);

// Waits for the engine, at most the limits' plan_timeout. A plan nobody waits for any more keeps
// its place until it is made.
boost::asio::awaitable<HttpResponse> make_plan(ApiContext& context,
                                               boost::asio::any_io_executor strand,
                                               archive::ArchiveRequest request);

// Writes head, events and end; the connection is of no use afterwards.
boost::asio::awaitable<void> stream_events(ApiContext& context, boost::beast::tcp_stream& stream,
                                           std::string id);

}  // namespace s3zipd
