#include "s3client/credentials/http_fetch.h"

#include <fmt/format.h>
#include <array>
#include <utility>

#include "s3client/host_header.h"

namespace s3client {
namespace {

base::Error at(const Endpoint& endpoint, base::Error error) {
    error.detail = fmt::format("{}: {}", endpoint.url(), error.detail);
    return error;
}

io::Task<base::Result<HttpAnswer>> exchange(Connection& connection, std::string head,
                                            base::ByteView body, io::Bounds bounds) {
    const std::array<base::ByteView, 1> pieces{body};
    const base::Status sent = co_await connection.send(std::move(head), pieces, bounds);
    // A peer may answer early and close.
    if (const base::Status got = co_await connection.receive_head(false, bounds); !got) {
        co_return std::unexpected(sent ? got.error() : sent.error());
    }
    HttpAnswer answer{connection.head().status, {}};
    auto text = co_await connection.receive_text(kFetchBodyMax_bytes, bounds);
    if (!text) co_return std::unexpected(text.error());
    answer.body = std::move(*text);
    co_return answer;
}

}  // namespace

io::Task<base::Result<HttpAnswer>> http_fetch(ConnectionPool& connections, Endpoint endpoint,
                                              HttpRequest request, std::string body,
                                              io::Bounds bounds, Route route) {
    if (request.host.empty()) request.host = host_header(endpoint);
    const bool has_body = request.method != "GET";
    auto head = encode_request_head(request, has_body ? std::optional(body.size()) : std::nullopt);
    if (!head) co_return std::unexpected(at(endpoint, head.error()));
    Target target{endpoint.host, endpoint.port, endpoint.tls, request.host, request.path, {}};
    target.direct = route == Route::direct;
    // Always a new connection: they are minutes apart, and a stale one would need a second try.
    auto lease = co_await connections.acquire(std::move(target), /*fresh=*/true, bounds);
    if (!lease) co_return std::unexpected(at(endpoint, lease.error()));
    auto answer = co_await exchange(**lease, std::move(*head), base::as_bytes(body), bounds);
    if (!answer) co_return std::unexpected(at(endpoint, answer.error()));
    co_return answer;
}

}  // namespace s3client
