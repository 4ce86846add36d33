#include "s3client/proxy_tunnel.h"

#include <fmt/format.h>
#include <array>
#include <utility>

#include "s3client/http1.h"

namespace s3client {
namespace {

constexpr std::size_t kInboxBytes = 4096;

std::string connect_head(const Proxy& proxy, const std::string& target) {
    std::string head = fmt::format("CONNECT {0} HTTP/1.1\r\nhost: {0}\r\n", target);
    if (!proxy.authorization.empty())
        head += fmt::format("proxy-authorization: {}\r\n", proxy.authorization);
    return head + "\r\n";
}

}  // namespace

base::Error proxy_refusal(int status, std::string_view target) {
    const bool may_pass = status == 429 || status >= 500;
    const std::string_view why = status == 407   ? " (it wants a user and a password in its URL)"
                                 : status == 403 ? " (its rules do not allow it)"
                                                 : "";
    base::Error error;
    error.kind = may_pass ? base::ErrorKind::transient : base::ErrorKind::denied;
    error.code = "proxy_refused";
    error.detail = fmt::format("the proxy answered {} for {}{}", status, target, why);
    return error;
}

io::Task<base::Result<std::unique_ptr<io::Stream>>> open_tunnel(std::unique_ptr<io::Stream> stream,
                                                                const Proxy& proxy,
                                                                std::string host,
                                                                std::uint16_t port,
                                                                io::Bounds bounds) {
    const std::string target = authority_of(host, port);
    const std::string head = connect_head(proxy, target);
    const std::array<base::ByteView, 1> pieces{base::as_bytes(head)};
    if (auto sent = co_await stream->send_all(pieces, bounds); !sent)
        co_return std::unexpected(sent.error());
    ResponseParser parser;
    // The answer has no body: what follows its head are the target's bytes.
    parser.start(/*head_request=*/true);
    std::array<std::byte, kInboxBytes> inbox;
    while (!parser.head_done()) {
        auto got = co_await stream->recv(inbox, bounds);
        if (!got) co_return std::unexpected(got.error());
        if (*got == 0) {
            co_return base::fail(base::ErrorKind::transient, "connection_closed",
                                 fmt::format("the proxy closed without a tunnel to {}", target));
        }
        auto used = parser.feed_head(base::ByteView(inbox).first(*got));
        if (!used) co_return std::unexpected(used.error());
        const int status = parser.head_done() ? parser.head().status : 0;
        if (status >= 200 && status < 300 && *used != *got) {
            // The target speaks first in no protocol that is used here.
            co_return base::fail(base::ErrorKind::corrupt, "bad_http_response",
                                 "the proxy sent more than the answer to CONNECT");
        }
    }
    const int status = parser.head().status;
    if (status < 200 || status >= 300) co_return std::unexpected(proxy_refusal(status, target));
    co_return std::move(stream);
}

}  // namespace s3client
