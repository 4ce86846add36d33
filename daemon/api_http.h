// HTTP/1.1 over a client's connection: reads heads and bodies, writes answers. Every read and write
// has a deadline. Coroutines, on the connection's strand.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>

#include "daemon/access_web.h"
#include "daemon/api_state.h"
#include "daemon/api_stream.h"
#include "daemon/http.h"

namespace s3zipd {

class ApiHttp {
  public:
    using ErrorCode = boost::system::error_code;
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

    ApiHttp(std::shared_ptr<ApiStream> stream, const ApiLimits& limits);

    ApiStream& stream() { return *stream_; }
    // For the first byte of a request. False: the client is done, or silent for too long.
    boost::asio::awaitable<bool> wait(std::chrono::milliseconds timeout);
    boost::asio::awaitable<ErrorCode> read_head(Parser& parser);
    boost::asio::awaitable<ErrorCode> read_body(Parser& parser);
    boost::asio::awaitable<bool> say_continue();
    // False: the client is gone, or does not read.
    boost::asio::awaitable<bool> write(const HttpResponse& response, bool keep_alive,
                                       bool with_body);
    // Ends sending, and reads on for a moment what the client still sends: closing with something
    // unread resets the connection, and answers that are on their way are lost. Once is enough.
    boost::asio::awaitable<void> linger();

  private:
    template <typename Done>
    boost::asio::awaitable<ErrorCode> read_until(Parser& parser, Done done, std::size_t step);

    const std::shared_ptr<ApiStream> stream_;
    const ApiLimits& limits_;
    boost::beast::flat_buffer buffer_;
    bool has_lingered_ = false;
};

// What the routes need of a request; the body comes later.
HttpRequest head_of(const ApiHttp::Parser& parser);
// The headers that web pages are judged by.
WebHeaders web_headers(const ApiHttp::Parser& parser);
// The head of a stream of server-sent events, which ends by closing
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), with more headers.
std::string event_stream_head(const HeaderList& more);
// What to say to bytes that are not a request; nothing to a client that went away or was too slow.
std::optional<HttpResponse> answer_to(const ApiHttp::ErrorCode& error);

}  // namespace s3zipd
