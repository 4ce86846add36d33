#include "cli/http_connection.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <vector>

namespace cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::chrono::seconds kFarewellTimeout{1};

}  // namespace

HttpConnection::HttpConnection(const DaemonAddress& address, const HttpTls* tls)
    : address_(address), tls_(tls) {
    if (tls == nullptr)
        plain_stream_.emplace(loop_);
    else
        tls_stream_.emplace(loop_, tls->context());
}

HttpConnection::ErrorCode HttpConnection::open(std::chrono::seconds timeout,
                                               const KeepGoing& keep_going) {
    if (const ErrorCode error = connect(timeout, keep_going)) return error;
    if (!tls_stream_) return {};
    if (!HttpTls::expect(tls_stream_->native_handle(), address_.host))
        return asio::error::invalid_argument;
    return perform(timeout, keep_going, [&](auto& stream, auto done) {
        if constexpr (requires { stream.native_handle(); })
            stream.async_handshake(asio::ssl::stream_base::client, done);
    });
}

HttpConnection::ErrorCode HttpConnection::connect(std::chrono::seconds timeout,
                                                  const KeepGoing& keep_going) {
    std::vector<asio::generic::stream_protocol::endpoint> endpoints;
    if (address_.transport == Transport::unix_socket) {
        endpoints.emplace_back(asio::local::stream_protocol::endpoint(address_.socket_path));
    } else {
        ErrorCode error;
        asio::ip::tcp::resolver resolver(loop_);
        // A machine may lack a file of hosts, not a loopback (RFC 6761, section 6.3).
        const bool is_localhost = address_.host == "localhost";
        const std::vector<std::string> hosts = is_localhost
                                                   ? std::vector<std::string>{"127.0.0.1", "::1"}
                                                   : std::vector<std::string>{address_.host};
        for (const std::string& host : hosts) {
            for (const auto& found : resolver.resolve(host, address_.port, error))
                endpoints.emplace_back(found.endpoint());
        }
        if (endpoints.empty()) return error;
    }
    return perform(timeout, keep_going,
                   [&](auto&, auto done) { transport().async_connect(endpoints, done); });
}

void HttpConnection::close() {
    if (!tls_stream_) return;
    perform(kFarewellTimeout, {}, [](auto& stream, auto done) {
        if constexpr (requires { stream.native_handle(); }) stream.async_shutdown(done);
    });
}

std::optional<std::string> HttpConnection::tls_failure(const ErrorCode& error) {
    if (!tls_stream_) return std::nullopt;
    return tls_->explain(tls_stream_->native_handle(), error, address_.host);
}

bool HttpConnection::is_refused(const ErrorCode& error) { return tls_failure(error).has_value(); }

std::string HttpConnection::explain(const ErrorCode& error, bool answered) {
    if (error == beast::error::timeout) return "no answer in time";
    if (auto text = tls_failure(error)) return std::move(*text);
    const bool hung_up = !answered && (error == http::error::end_of_stream ||
                                       error == asio::error::connection_reset);
    if (address_.transport == Transport::http && (hung_up || error == http::error::bad_version))
        return "it did not answer; does it speak TLS there (https://)?";
    if (address_.transport == Transport::unix_socket && error == asio::error::access_denied)
        return "we may not use this socket; its group and mode say who may";
    return error.message();
}

}  // namespace cli
