#include "daemon/api_connection.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <utility>

#include "base/log.h"
#include "config/limits.h"
#include "daemon/api_tasks.h"
#include "daemon/problem.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using ErrorCode = boost::system::error_code;
using Parser = http::request_parser<http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kBufferBytesMax = 128 * config::kKiB;  // headers, and what was sent ahead
constexpr std::uint64_t kLingerBytesMax = 64 * config::kMiB;

struct Connection {
    beast::tcp_stream stream;
    ApiContext& context;
    beast::flat_buffer buffer{kBufferBytesMax};
    bool overloaded = false;
};

std::string text_of(beast::string_view view) { return {view.data(), view.size()}; }

HttpRequest head_of(const Parser& parser) {
    const auto& message = parser.get();
    HttpRequest request;
    request.method = text_of(message.method_string());
    request.target = text_of(message.target());
    request.content_type = text_of(message[http::field::content_type]);
    const auto key = message.find("Idempotency-Key");
    request.has_idempotency_key = key != message.end();
    if (request.has_idempotency_key) request.idempotency_key = text_of(key->value());
    return request;
}

// Reads on for a moment what a refused client is still sending, so that it sees the answer before a
// reset.
asio::awaitable<void> linger(Connection& c) {
    ErrorCode ignored;
    c.stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    c.stream.expires_after(c.context.limits.linger_timeout);
    for (std::uint64_t bytes = 0; bytes < kLingerBytesMax;) {
        c.buffer.clear();
        const auto [error, count] =
            co_await c.stream.async_read_some(c.buffer.prepare(64 * config::kKiB), kAwait);
        if (error) break;
        bytes += count;
    }
}

void set_fields(http::fields& fields, const HttpResponse& response) {
    fields.set(http::field::server, fmt::format("s3zipd/{}", kVersion));
    fields.set(http::field::cache_control, "no-store");
    if (!response.content_type.empty()) {
        fields.set(http::field::content_type, response.content_type);
    }
    for (const auto& [name, value] : response.headers) fields.set(name, value);
}

// True if the connection may be used on.
asio::awaitable<bool> send(Connection& c, HttpResponse response, bool keep_alive, bool is_head) {
    ApiState& state = *c.context.state;
    state.answers[static_cast<std::size_t>(response.status)].fetch_add(1);
    keep_alive = keep_alive && !state.stopping;
    c.stream.expires_after(c.context.limits.write_timeout);
    const auto status = static_cast<http::status>(response.status);
    ErrorCode error;
    if (is_head) {
        http::response<http::empty_body> message(status, 11);
        set_fields(message, response);
        message.content_length(response.body.size());
        message.keep_alive(keep_alive);
        std::tie(error, std::ignore) = co_await http::async_write(c.stream, message, kAwait);
    } else {
        http::response<http::string_body> message(status, 11);
        set_fields(message, response);
        message.content_length(response.body.size());
        message.keep_alive(keep_alive);
        message.body() = std::move(response.body);
        std::tie(error, std::ignore) = co_await http::async_write(c.stream, message, kAwait);
    }
    co_return !error && keep_alive;
}

asio::awaitable<bool> refuse(Connection& c, HttpResponse response, bool is_head = false) {
    co_await send(c, std::move(response), false, is_head);
    co_await linger(c);
    co_return false;
}

// What to say to bytes that are not a request; nothing to a client that went away or was too slow.
std::optional<HttpResponse> answer_to(const ErrorCode& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return to_response(make_problem(
            "headers-too-large", fmt::format("at most {} bytes", config::kApiHeaderBytesMax)));
    }
    if (error == http::error::end_of_stream || error == http::error::partial_message ||
        error.category() != ErrorCode(http::error::bad_method).category()) {
        return std::nullopt;
    }
    return to_response(make_problem("bad-http", error.message()));
}

HttpResponse body_too_large(std::uint64_t max) {
    return to_response(make_problem("body-too-large", fmt::format("at most {} bytes", max)));
}

std::uint64_t body_bytes_max(const HttpRequest& head, const ApiLimits& limits) {
    return head.method == "POST" ? limits.body_bytes_max : config::kApiBodyBytesFree;
}

// Everything that can be wrong with a request before its body is read.
std::optional<HttpResponse> refusal(const Connection& c, const Parser& parser,
                                    const HttpRequest& head) {
    if (c.overloaded) return to_response(make_problem("overloaded", "too many connections"));
    if (parser.get().version() == 11 && parser.get().count(http::field::host) != 1) {
        return to_response(make_problem("bad-http", "there must be one Host header"));
    }
    if (auto response = c.context.routes.refuse(head)) return response;
    const std::uint64_t max = body_bytes_max(head, c.context.limits);
    if (parser.content_length().value_or(0) > max) return body_too_large(max);
    return std::nullopt;
}

// A place for the body among those being received. Chunked ones may become as large as allowed.
Ticket<std::uint64_t> body_ticket(Connection& c, const Parser& parser, std::uint64_t max) {
    const std::uint64_t bytes = parser.content_length() ? *parser.content_length()
                                : parser.chunked()      ? max
                                                        : 0;
    return Ticket<std::uint64_t>::take(c.context.state->bodies_bytes,
                                       bytes <= config::kApiBodyBytesFree ? 0 : bytes,
                                       c.context.limits.bodies_bytes_max);
}

asio::awaitable<bool> say_continue(Connection& c) {
    const http::response<http::empty_body> message(http::status::continue_, 11);
    c.stream.expires_after(c.context.limits.write_timeout);
    const auto [error, count] = co_await http::async_write(c.stream, message, kAwait);
    co_return !error;
}

asio::awaitable<ErrorCode> read_body(Connection& c, Parser& parser) {
    c.stream.expires_after(c.context.limits.body_timeout);
    const auto [error, count] = co_await http::async_read(c.stream, c.buffer, parser, kAwait);
    co_return error;
}

// What the routes say; whatever they throw (memory) is an answer too.
Answer answer_of(Connection& c, HttpRequest request) {
    try {
        return c.context.routes.answer(std::move(request));
    } catch (const std::exception& e) {
        base::log_error("request failed", {{"what", e.what()}});
        return to_response(make_problem("internal-error", "see the daemon's log"));
    }
}

asio::awaitable<bool> answer_request(Connection& c, HttpRequest request, bool keep_alive,
                                     Ticket<std::uint64_t> body) {
    const bool is_head = request.method == "HEAD";
    Answer answer = answer_of(c, std::move(request));
    const auto strand = c.stream.get_executor();
    if (auto* submit = std::get_if<SubmitJob>(&answer)) {
        c.stream.expires_never();
        answer = co_await submit_job(c.context, strand, std::move(submit->submission));
    }
    body = {};
    if (auto* cancel = std::get_if<CancelJob>(&answer)) {
        c.stream.expires_never();
        answer = co_await cancel_job(c.context, strand, std::move(cancel->id));
    }
    if (auto* events = std::get_if<StreamEvents>(&answer)) {
        auto& state = *c.context.state;
        const auto ticket = Ticket<std::size_t>::take(state.event_streams, std::size_t{1},
                                                      c.context.limits.event_streams_max);
        if (!ticket) {
            co_return co_await send(
                c, to_response(make_problem("overloaded", "too many event streams")), keep_alive,
                false);
        }
        co_await stream_events(c.context, c.stream, std::move(events->id));
        co_return false;
    }
    if (auto* plan = std::get_if<MakePlan>(&answer)) {
        c.stream.expires_never();
        answer = co_await make_plan(c.context, strand, std::move(plan->request));
    }
    co_return co_await send(c, std::get<HttpResponse>(std::move(answer)), keep_alive, is_head);
}

struct BusyScope {
    explicit BusyScope(BusyCount& count) : busy(count) { busy.enter(); }
    ~BusyScope() { busy.leave(); }
    BusyScope(const BusyScope&) = delete;
    BusyScope& operator=(const BusyScope&) = delete;
    BusyCount& busy;
};

// One request, from its first byte to the end of the answer. True: wait for another.
asio::awaitable<bool> serve_request(Connection& c) {
    const ApiLimits& limits = c.context.limits;
    Parser parser;
    parser.header_limit(config::kApiHeaderBytesMax);
    parser.body_limit(boost::none);  // Content-Length is judged below, where it can be answered
    c.stream.expires_after(limits.header_timeout);
    const auto [head_error, head_bytes] =
        co_await http::async_read_header(c.stream, c.buffer, parser, kAwait);
    const BusyScope busy(c.context.busy);
    if (head_error) {
        if (auto response = answer_to(head_error)) co_await refuse(c, std::move(*response));
        co_return false;
    }
    HttpRequest request = head_of(parser);
    const bool is_head = request.method == "HEAD";
    const bool keep_alive = parser.get().keep_alive();
    if (auto response = refusal(c, parser, request)) {
        // The connection goes on only if there is no body to get past.
        if (!parser.is_done() || c.overloaded) {
            co_return co_await refuse(c, std::move(*response), is_head);
        }
        co_return co_await send(c, std::move(*response), keep_alive, is_head);
    }
    const std::uint64_t body_max = body_bytes_max(request, limits);
    Ticket<std::uint64_t> body = body_ticket(c, parser, body_max);
    if (!body) {
        co_return co_await refuse(
            c, to_response(make_problem("overloaded", "too many bodies at once")), is_head);
    }
    if (!parser.is_done()) {
        parser.body_limit(body_max);
        const bool is_waiting = beast::iequals(parser.get()[http::field::expect], "100-continue");
        if (is_waiting && !co_await say_continue(c)) co_return false;
        const ErrorCode error = co_await read_body(c, parser);
        if (error == http::error::body_limit) {
            co_return co_await refuse(c, body_too_large(body_max), is_head);
        }
        if (error) {
            if (auto response = answer_to(error)) co_await refuse(c, std::move(*response));
            co_return false;
        }
        request.body = std::move(parser.get().body());
    }
    co_return co_await answer_request(c, std::move(request), keep_alive, std::move(body));
}

// Waits for a request to begin. False: the client is done, or idle for too long.
asio::awaitable<bool> wait_for_request(Connection& c) {
    if (c.buffer.size() > 0) co_return true;  // sent ahead
    const ApiLimits& limits = c.context.limits;
    c.stream.expires_after(c.overloaded ? limits.header_timeout : limits.idle_timeout);
    const auto [error, count] =
        co_await c.stream.async_read_some(c.buffer.prepare(4 * config::kKiB), kAwait);
    c.buffer.commit(count);
    co_return !error;
}

}  // namespace

asio::awaitable<void> serve_connection(asio::ip::tcp::socket socket, ApiContext& context,
                                       Ticket<std::size_t> ticket, bool overloaded) {
    const Ticket<std::size_t> place = std::move(ticket);
    Connection c{beast::tcp_stream(std::move(socket)), context};
    c.overloaded = overloaded;
    ErrorCode ignored;
    c.stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    while (co_await wait_for_request(c)) {
        if (!co_await serve_request(c)) break;
    }
    c.stream.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

}  // namespace s3zipd
