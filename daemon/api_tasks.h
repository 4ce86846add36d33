// The answers that take time: a job to be journaled, a plan to be made, a URL to be signed.
// Coroutines of a connection, on its strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string>

#include "archive/engine.h"
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

// Waits for the keys to sign with, at most the limits' download_timeout.
boost::asio::awaitable<HttpResponse> presign_download(ApiContext& context,
                                                      boost::asio::any_io_executor strand,
                                                      Presign presign);

}  // namespace s3zipd
