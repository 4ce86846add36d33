#include "daemon/api_http.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <utility>

#include "base/check.h"
#include "config/limits.h"
#include "daemon/problem.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kBufferBytesMax = 128 * config::kKiB;  // a head, and what was sent ahead
constexpr std::size_t kHeadStep = 2 * config::kKiB;
constexpr std::size_t kBodyStep = 64 * config::kKiB;
constexpr std::size_t kWaitStep = 512;  // of thousands of connections that say nothing
constexpr std::uint64_t kLingerBytesMax = 64 * config::kMiB;

std::string text_of(beast::string_view view) { return {view.data(), view.size()}; }

void add_header(std::string& text, std::string_view name, std::string_view value) {
    CHECK(value.find_first_of("\r\n") == std::string_view::npos);
    fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
}

// Makes the first lines of every answer's head. Date is an IMF-fixdate (RFC 9110, section 5.6.7).
// nosniff keeps browsers from reading a JSON answer as a script or a page.
std::string head_start(int status, const HeaderList& headers) {
    const std::string_view reason = http::obsolete_reason(static_cast<http::status>(status));
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    std::string text = fmt::format(
        "HTTP/1.1 {} {}\r\nServer: s3zipd/{}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n"
        "X-Content-Type-Options: nosniff\r\n",
        status, reason, kVersion, now);
    const auto is_cache_control = [](const auto& header) {
        return header.first == "Cache-Control";
    };
    if (std::ranges::none_of(headers, is_cache_control))
        add_header(text, "Cache-Control", "no-store");
    for (const auto& [name, value] : headers) add_header(text, name, value);
    return text;
}

std::string head_text(const HttpResponse& response, bool keep_alive) {
    std::string text = head_start(response.status, response.headers);
    if (!response.content_type.empty()) add_header(text, "Content-Type", response.content_type);
    // RFC 9110, section 8.6: a 204 has none, and that of a 304 would be the length of the 200.
    if (response.status != 204 && response.status != 304)
        add_header(text, "Content-Length", std::to_string(response.body.size()));
    if (!keep_alive) add_header(text, "Connection", "close");
    return text + "\r\n";
}

}  // namespace

ApiHttp::ApiHttp(std::shared_ptr<ApiStream> stream, const ApiLimits& limits)
    : stream_(std::move(stream)), limits_(limits), buffer_(kBufferBytesMax) {}

asio::awaitable<bool> ApiHttp::wait(std::chrono::milliseconds timeout) {
    if (buffer_.size() > 0) co_return true;  // sent ahead
    buffer_.shrink_to_fit();
    stream_->expires_after(timeout);
    const auto [error, count] = co_await stream_->read_some(buffer_.prepare(kWaitStep));
    buffer_.commit(count);
    co_return !error;
}

template <typename Done>
asio::awaitable<ApiHttp::ErrorCode> ApiHttp::read_until(Parser& parser, Done done,
                                                        std::size_t step) {
    for (;;) {
        bool wants_more = buffer_.size() == 0;
        if (!wants_more) {
            ErrorCode error;
            buffer_.consume(parser.put(buffer_.data(), error));
            if (error && error != http::error::need_more) co_return error;
            if (done()) co_return ErrorCode();
            wants_more = error == http::error::need_more || buffer_.size() == 0;
        }
        if (!wants_more) continue;
        const std::size_t room = buffer_.max_size() - buffer_.size();
        if (room == 0) co_return http::error::buffer_overflow;
        const auto [error, count] =
            co_await stream_->read_some(buffer_.prepare(std::min(step, room)));
        buffer_.commit(count);
        if (error) co_return error;
    }
}

asio::awaitable<ApiHttp::ErrorCode> ApiHttp::read_head(Parser& parser) {
    stream_->expires_after(limits_.header_timeout);
    parser.eager(false);
    co_return co_await read_until(parser, [&] { return parser.is_header_done(); }, kHeadStep);
}

asio::awaitable<ApiHttp::ErrorCode> ApiHttp::read_body(Parser& parser) {
    stream_->expires_after(limits_.body_timeout);
    parser.eager(true);
    co_return co_await read_until(parser, [&] { return parser.is_done(); }, kBodyStep);
}

asio::awaitable<bool> ApiHttp::say_continue() {
    stream_->expires_after(limits_.write_timeout);
    co_return !co_await stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
}

asio::awaitable<bool> ApiHttp::write(const HttpResponse& response, bool keep_alive,
                                     bool with_body) {
    stream_->expires_after(limits_.write_timeout);
    const std::string head = head_text(response, keep_alive);
    co_return !co_await stream_->write(head, with_body ? response.body : std::string_view());
}

asio::awaitable<void> ApiHttp::linger() {
    if (std::exchange(has_lingered_, true)) co_return;
    stream_->expires_after(limits_.linger_timeout);
    co_await stream_->finish_sending();
    for (std::uint64_t bytes = 0; bytes < kLingerBytesMax;) {
        buffer_.clear();
        const auto [error, count] = co_await stream_->read_some(buffer_.prepare(kBodyStep));
        if (error) break;
        bytes += count;
    }
}

HttpRequest head_of(const ApiHttp::Parser& parser) {
    const auto& message = parser.get();
    HttpRequest request;
    request.method = text_of(message.method_string());
    request.target = text_of(message.target());
    request.content_type = text_of(message[http::field::content_type]);
    request.if_none_match = text_of(message[http::field::if_none_match]);
    const auto key = message.find("Idempotency-Key");
    request.has_idempotency_key = key != message.end();
    if (request.has_idempotency_key) request.idempotency_key = text_of(key->value());
    return request;
}

WebHeaders web_headers(const ApiHttp::Parser& parser) {
    const auto& message = parser.get();
    const auto value = [&message](std::string_view name) -> std::optional<std::string> {
        const auto at = message.find({name.data(), name.size()});
        return at == message.end() ? std::nullopt : std::optional(text_of(at->value()));
    };
    return {.host = value("Host"),
            .origin = value("Origin"),
            .fetch_site = value("Sec-Fetch-Site"),
            .fetch_mode = value("Sec-Fetch-Mode"),
            .fetch_dest = value("Sec-Fetch-Dest")};
}

std::string event_stream_head(const HeaderList& more) {
    HeaderList headers = {{"Content-Type", "text/event-stream"}, {"X-Accel-Buffering", "no"}};
    headers.insert(headers.end(), more.begin(), more.end());
    headers.emplace_back("Connection", "close");
    return head_start(200, headers) + "\r\n";
}

std::optional<HttpResponse> answer_to(const ApiHttp::ErrorCode& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return to_response(make_problem(
            "headers-too-large", fmt::format("at most {} bytes", config::kApiHeaderBytesMax)));
    }
    const bool is_of_http = error.category() == make_error_code(http::error::bad_method).category();
    if (!is_of_http) return std::nullopt;
    return to_response(make_problem("bad-http", error.message()));
}

}  // namespace s3zipd
