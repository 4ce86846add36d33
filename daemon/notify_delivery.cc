#include "daemon/notify_delivery.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "daemon/version.h"
#include "s3client/host_header.h"
#include "s3client/retry.h"
#include "s3client/sigv4.h"

namespace s3zipd {
namespace {

using base::ErrorKind;

// The target is strict ASCII without spaces (parse_http_url), so nothing here ends a line early.
std::string head_of(const NotifyRequest& request, base::UtcTime now) {
    return fmt::format(
        "POST {} HTTP/1.1\r\n"
        "host: {}\r\n"
        "content-type: application/json\r\n"
        "content-length: {}\r\n"
        "user-agent: s3zipd/{}\r\n"
        "s3zipd-event: archive.ended\r\n"
        "s3zipd-delivery: {}\r\n"
        "s3zipd-signature: {}\r\n"
        "connection: close\r\n\r\n",
        request.url.target, s3client::host_header(request.url.endpoint), request.body.size(),
        kVersion, request.job_id, notify_signature(request.secret, now, request.body));
}

bool is_worth_waiting(int status) {
    return status >= 500 || status == 408 || status == 425 || status == 429;
}

// Seconds, or a date.
std::optional<base::Duration> retry_after(const s3client::ResponseHead& head, base::UtcTime now) {
    if (const auto delay = s3client::retry_after(head)) return delay;
    const auto date = base::parse_http_date(head.get("retry-after"));
    if (!date || *date <= now) return std::nullopt;
    // A date may be far beyond what nanoseconds hold.
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);
    return std::min(kLongest, *date - now);
}

NotifyAttempt judge(const s3client::ResponseHead& head, base::UtcTime now) {
    NotifyAttempt attempt;
    const int status = head.status;
    if (status >= 200 && status < 300) return attempt;
    attempt.refused = !is_worth_waiting(status);
    attempt.retry_after = retry_after(head, now);
    const bool is_redirect = status >= 300 && status < 400;
    base::Error& error = attempt.error.emplace();
    error.kind = attempt.refused ? ErrorKind::denied : ErrorKind::transient;
    error.code = is_redirect ? "redirect" : "http_status";
    error.detail = fmt::format("the receiver answered {}{}", status,
                               is_redirect ? "; redirects are not followed" : "");
    error.http_status = status;
    return attempt;
}

io::Task<base::Result<NotifyAttempt>> exchange(io::Reactor& reactor,
                                               s3client::Connection& connection,
                                               NotifyRequest request, io::Bounds bounds) {
    const std::array<base::ByteView, 1> body{base::as_bytes(request.body)};
    std::string head = head_of(request, reactor.utc_now());
    const base::Status sent = co_await connection.send(std::move(head), body, bounds);
    // A receiver may answer early and close.
    if (const auto got = co_await connection.receive_head(false, bounds); !got)
        co_return std::unexpected(sent ? got.error() : sent.error());
    NotifyAttempt attempt = judge(connection.head(), reactor.utc_now());
    io::Bounds brief = bounds;
    brief.deadline = std::min(bounds.deadline, reactor.now() + kNotifyAnswerTimeout);
    const auto unread = co_await connection.receive_text(kNotifyAnswerMax_bytes, brief);
    static_cast<void>(unread);  // the head has said it all
    co_return attempt;
}

}  // namespace

std::string notify_signature(std::string_view secret, base::UtcTime now, std::string_view body) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::string text = fmt::format("{}.{}", seconds, body);
    const auto mac = s3client::hmac_sha256(base::as_bytes(secret), base::as_bytes(text));
    return fmt::format("t={},v1={}", seconds, base::hex(mac));
}

io::Task<NotifyAttempt> attempt_delivery(io::Reactor& reactor,
                                         s3client::ConnectionPool& connections,
                                         NotifyRequest request, io::Bounds bounds) {
    const s3client::Endpoint& to = request.url.endpoint;
    NotifyAttempt attempt;
    s3client::Target target{to.host, to.port, to.tls, s3client::host_header(to),
                            request.url.target};
    auto lease = co_await connections.acquire(std::move(target), /*fresh=*/true, bounds);
    if (!lease) {
        attempt.error = std::move(lease.error());
        attempt.refused = attempt.error->code == "address_refused";
    } else {
        auto exchanged = co_await exchange(reactor, **lease, request, bounds);
        if (exchanged) {
            attempt = std::move(*exchanged);
        } else {
            attempt.error = std::move(exchanged.error());
        }
    }
    if (attempt.error)
        attempt.error->detail = fmt::format("{}: {}", to.url(), attempt.error->detail);
    co_return attempt;
}

}  // namespace s3zipd
