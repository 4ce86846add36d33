#include "cli/http_client.h"

#include <fmt/format.h>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/beast/http.hpp>

#include "cli/http_connection.h"

namespace cli {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Request = http::request<http::string_body>;

Request make_request(std::string_view method, std::string_view target, const DaemonAddress& address,
                     const std::string& token, std::string body) {
    Request request;
    request.method_string({method.data(), method.size()});
    request.target(address.prefix + std::string(target));
    request.version(11);
    request.set(http::field::host, address.host_header);
    request.set(http::field::user_agent, "s3zip/" S3ZIPD_VERSION);
    request.set(http::field::accept,
                "application/json, application/problem+json, text/event-stream");
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    request.keep_alive(false);
    if (!body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
}

base::Error unreachable(const std::string& url, HttpConnection& connection, const error_code& error,
                        bool answered = false) {
    const bool refused = connection.is_refused(error);
    return {
        refused ? base::ErrorKind::denied : base::ErrorKind::transient,
        refused ? "daemon_untrusted" : "daemon_unreachable",
        fmt::format("cannot reach the daemon at {}: {}", url, connection.explain(error, answered)),
        0,
        {},
        {}};
}

error_code write(HttpConnection& connection, const Request& request,
                 const HttpConnection::KeepGoing& keep_going) {
    return connection.perform(HttpClient::kAnswerTimeout, keep_going, [&](auto& stream, auto done) {
        http::async_write(stream, request, done);
    });
}

}  // namespace

base::Result<HttpClient> HttpClient::create(const DaemonAccess& access) {
    auto address = parse_daemon_address(access.url);
    if (!address) return base::fail(address.error());
    if (!access.token.empty() && address->is_exposed() && !access.token_over_http) {
        return base::fail(
            base::ErrorKind::invalid, "token_exposed",
            fmt::format("the token would go to {} over http://, where others can read it; use "
                        "https://, or --token-over-http if nobody else is on that network",
                        access.url));
    }
    HttpClient client;
    if (address->transport == Transport::https) {
        auto tls = HttpTls::load(access);
        if (!tls) return base::fail(tls.error());
        client.tls_ = std::move(*tls);
    }
    client.access_ = access;
    client.address_ = std::move(*address);
    return client;
}

base::Result<HttpResponse> HttpClient::send(std::string_view method, std::string_view target,
                                            std::string body, std::chrono::seconds timeout) {
    HttpConnection connection(address_, tls_.get());
    if (const error_code error = connection.open(kConnectTimeout, {}))
        return base::fail(unreachable(access_.url, connection, error));
    const error_code write_error = write(
        connection, make_request(method, target, address_, access_.token, std::move(body)), {});
    // A daemon that refuses a body may answer and close before it has read all of it: its answer
    // counts. So does what it says of our certificate.
    http::response_parser<http::string_body> parser;
    parser.body_limit(kBodyMax_bytes);
    const error_code read_error = connection.perform(timeout, {}, [&](auto& stream, auto done) {
        http::async_read(stream, connection.buffer(), parser, done);
    });
    if (read_error) {
        const bool read_tells = !write_error || connection.is_refused(read_error);
        return base::fail(unreachable(access_.url, connection,
                                      read_tells ? read_error : write_error, parser.got_some()));
    }
    connection.close();
    return HttpResponse{parser.get().result_int(), std::move(parser.get().body())};
}

base::Result<unsigned> HttpClient::stream(std::string_view target,
                                          const std::function<void(std::string_view)>& on_bytes,
                                          const std::function<bool()>& keep_going) {
    HttpConnection connection(address_, tls_.get());
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    error_code error = connection.open(kConnectTimeout, keep_going);
    if (!error)
        error =
            write(connection, make_request("GET", target, address_, access_.token, {}), keep_going);
    if (!error) {
        error = connection.perform(kAnswerTimeout, keep_going, [&](auto& stream, auto done) {
            http::async_read_header(stream, connection.buffer(), parser, done);
        });
    }
    std::array<char, 16384> piece;
    while (!error && parser.get().result_int() == 200 && !parser.is_done()) {
        auto& body = parser.get().body();
        body.data = piece.data();
        body.size = piece.size();
        error = connection.perform(kSilenceMax, keep_going, [&](auto& stream, auto done) {
            http::async_read_some(stream, connection.buffer(), parser, done);
        });
        if (error == http::error::need_buffer) error = {};
        if (!error) on_bytes({piece.data(), piece.size() - body.size});
    }
    const bool stopped = error == asio::error::operation_aborted && keep_going && !keep_going();
    if (!error || stopped) connection.close();
    if (stopped) return base::fail(base::ErrorKind::cancelled, "interrupted", "interrupted");
    if (error) return base::fail(unreachable(access_.url, connection, error, parser.got_some()));
    return parser.get().result_int();
}

}  // namespace cli
