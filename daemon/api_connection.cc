#include "daemon/api_connection.h"

#include <fmt/format.h>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <exception>
#include <utility>

#include "base/log.h"
#include "config/limits.h"
#include "daemon/api_events.h"
#include "daemon/api_http.h"
#include "daemon/api_tasks.h"
#include "daemon/problem.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Parser = ApiHttp::Parser;

struct Connection {
    ApiContext& context;
    WebArrival arrival;
    ApiHttp http;
    std::shared_ptr<ApiPlaces::Place> place;  // none: it is one too many
    std::unique_ptr<BusyScope> fresh;         // until the first request has come
    std::vector<std::string> certificates;    // names of the client's
    // Of the request that is answered.
    std::optional<std::size_t> route{};
    HeaderList cors{};  // goes with whatever is answered
    base::SteadyTime begun{};
};

// True if the connection may be used on.
asio::awaitable<bool> send(Connection& c, HttpResponse response, bool keep_alive, bool is_head) {
    ApiState& state = *c.context.state;
    state.answers[static_cast<std::size_t>(response.status)].fetch_add(1);
    keep_alive = keep_alive && !state.stopping;
    response.headers.insert(response.headers.end(), c.cors.begin(), c.cors.end());
    if (c.place) c.place->wait(true);  // one that does not read must not keep its place
    const bool written = co_await c.http.write(response, keep_alive, !is_head);
    if (c.route) state.durations[*c.route].observe(std::chrono::steady_clock::now() - c.begun);
    co_return written&& keep_alive;
}

asio::awaitable<bool> refuse(Connection& c, HttpResponse response, bool is_head = false) {
    co_await send(c, std::move(response), false, is_head);
    co_await c.http.linger();
    co_return false;
}

HttpResponse body_too_large(std::uint64_t max) {
    return to_response(make_problem("body-too-large", fmt::format("at most {} bytes", max)));
}

std::uint64_t body_bytes_max(const HttpRequest& head, const ApiLimits& limits) {
    return head.method == "POST" ? limits.body_bytes_max : config::kApiBodyBytesFree;
}

// Where a request ends must be beyond doubt, or what a proxy takes for its body could be read here
// as a request of its own (RFC 9112, section 6.3). The parser only looks whether the last is
// chunked.
bool has_unclear_end(const Parser& parser) {
    const auto& message = parser.get();
    const auto count = message.count(http::field::transfer_encoding);
    const auto coding = message[http::field::transfer_encoding];
    return count > 1 ||
           (count == 1 && (message.version() != 11 || !boost::beast::iequals(coding, "chunked")));
}

// Checks that the headers a decision depends on occur once (for Host: RFC 9112, section 3.2).
std::optional<Problem> bad_headers(const Parser& parser) {
    const auto& message = parser.get();
    const auto hosts = message.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && message.version() == 11))
        return make_problem("bad-http", "there must be one Host header");
    for (const char* once : {"Authorization", "Content-Type", "Idempotency-Key", "Origin",
                             "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"}) {
        if (message.count(once) > 1)
            return make_problem("bad-http", fmt::format("there are several {} headers", once));
    }
    return std::nullopt;
}

// A token protects by itself: no page has one that it was not given. A browser shows a client
// certificate for every page, but only to a server whose own certificate has the name it asked for.
std::optional<Problem> refuse_page(const Connection& c, const WebRules& rules,
                                   const WebHeaders& headers, const HttpRequest& head) {
    WebArrival arrival = c.arrival;
    const bool is_open = !c.context.access.needs_token();
    arrival.checks_host = is_open && !c.context.has_client_ca;
    arrival.checks_origin = is_open || !c.certificates.empty();
    return refuse_web(rules, arrival, headers, head.method, head.target);
}

// Everything that can be wrong with a request before its body is read. Finds out who asks.
std::optional<HttpResponse> refusal(Connection& c, const Parser& parser, HttpRequest& head) {
    const WebHeaders web = web_headers(parser);
    const auto rules = c.context.access.web_rules();
    c.cors = cors_headers(*rules, web.origin);
    if (!c.place) return to_response(make_problem("overloaded", "too many connections"));
    if (const auto wrong = bad_headers(parser)) return to_response(*wrong);
    if (const auto wrong = refuse_page(c, *rules, web, head)) return to_response(*wrong);
    const auto& message = parser.get();
    const auto authorization = message[http::field::authorization];
    head.caller =
        c.context.access.identify({authorization.data(), authorization.size()}, c.certificates);
    head.is_preflight = head.method == "OPTIONS" && allows_origin(*rules, web.origin) &&
                        message.count("Access-Control-Request-Method") > 0;
    auto response = c.context.routes.refuse(head);
    c.route = head.route;
    if (response) return response;
    if (head.caller) {  // nobody else's place is safe, whatever is answered
        c.place->no_stranger();
        c.place->wait(false);
    }
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

// What the routes say; whatever they throw (memory) is an answer too.
Answer answer_of(Connection& c, HttpRequest request) {
    try {
        return c.context.routes.answer(std::move(request));
    } catch (const std::exception& e) {
        base::log_error("request failed", {{"what", e.what()}});
        return to_response(make_problem("internal-error", "see the daemon's log"));
    }
}

// True: it was written, and nothing else may be.
asio::awaitable<bool> try_stream(Connection& c, Answer answer) {
    const auto ticket = Ticket<std::size_t>::take(c.context.state->event_streams, std::size_t{1},
                                                  c.context.limits.event_streams_max);
    if (!ticket) co_return false;
    if (auto* events = std::get_if<StreamEvents>(&answer))
        co_await stream_events(c.context, c.http.stream(), event_stream_head(c.cors),
                               std::move(events->caller), std::move(events->id));
    else if (auto* feed = std::get_if<StreamFeed>(&answer))
        co_await stream_feed(c.context, c.http.stream(), event_stream_head(c.cors),
                             std::move(feed->caller), feed->time);
    co_return true;
}

asio::awaitable<bool> answer_request(Connection& c, HttpRequest request, bool keep_alive,
                                     Ticket<std::uint64_t> body) {
    const bool is_head = request.method == "HEAD";
    Answer answer = answer_of(c, std::move(request));
    ApiStream& stream = c.http.stream();
    const auto strand = stream.get_executor();
    if (!std::holds_alternative<HttpResponse>(answer)) stream.expires_never();
    if (auto* submit = std::get_if<SubmitJob>(&answer))
        answer = co_await submit_job(c.context, strand, std::move(submit->submission));
    body = {};
    if (auto* cancel = std::get_if<CancelJob>(&answer)) {
        answer = co_await cancel_job(c.context, strand, std::move(cancel->id));
    } else if (auto* plan = std::get_if<MakePlan>(&answer)) {
        answer = co_await make_plan(c.context, strand, std::move(plan->request));
    } else if (auto* presign = std::get_if<Presign>(&answer)) {
        answer = co_await presign_download(c.context, strand, std::move(*presign));
    } else if (!std::holds_alternative<HttpResponse>(answer)) {  // a stream of events
        if (co_await try_stream(c, std::move(answer))) co_return false;
        answer = to_response(make_problem("overloaded", "too many event streams"));
    }
    co_return co_await send(c, std::get<HttpResponse>(std::move(answer)), keep_alive, is_head);
}

// One request, from its first byte to the end of the answer. True: wait for another.
asio::awaitable<bool> serve_request(Connection& c) {
    const ApiLimits& limits = c.context.limits;
    Parser parser;
    parser.header_limit(config::kApiHeaderBytesMax);
    parser.body_limit(boost::none);  // Content-Length is judged below, where it can be answered
    const auto head_error = co_await c.http.read_head(parser);
    const BusyScope busy(c.context.busy);
    c.fresh.reset();
    c.begun = std::chrono::steady_clock::now();
    c.route.reset();
    c.cors.clear();
    if (head_error) {
        if (auto response = answer_to(head_error)) co_await refuse(c, std::move(*response));
        co_return false;
    }
    HttpRequest request = head_of(parser);
    const bool is_head = request.method == "HEAD";
    const bool keep_alive = parser.get().keep_alive();
    if (has_unclear_end(parser)) {
        co_return co_await refuse(
            c, to_response(make_problem("bad-http", "Transfer-Encoding may be chunked only")),
            is_head);
    }
    if (auto response = refusal(c, parser, request)) {
        // The connection goes on only if there is no body to get past.
        if (!parser.is_done() || !c.place)
            co_return co_await refuse(c, std::move(*response), is_head);
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
        const auto expect = parser.get()[http::field::expect];
        const bool is_waiting = boost::beast::iequals(expect, "100-continue");
        if (is_waiting && !co_await c.http.say_continue()) co_return false;
        const auto error = co_await c.http.read_body(parser);
        if (error == http::error::body_limit)
            co_return co_await refuse(c, body_too_large(body_max), is_head);
        if (error) {
            if (auto response = answer_to(error)) co_await refuse(c, std::move(*response));
            co_return false;
        }
        request.body = std::move(parser.get().body());
    }
    co_return co_await answer_request(c, std::move(request), keep_alive, std::move(body));
}

}  // namespace

asio::awaitable<void> serve_connection(std::shared_ptr<ApiStream> stream, ApiContext& context,
                                       WebArrival arrival, std::shared_ptr<ApiPlaces::Place> place,
                                       std::unique_ptr<BusyScope> fresh) {
    const ApiLimits& limits = context.limits;
    Connection c{context,          arrival,          ApiHttp(std::move(stream), limits),
                 std::move(place), std::move(fresh), {}};
    c.http.stream().expires_after(limits.header_timeout);
    if (co_await c.http.stream().handshake()) co_return;
    c.certificates = c.http.stream().certificate_names();
    while (co_await c.http.wait(c.place ? limits.idle_timeout : limits.header_timeout)) {
        if (!co_await serve_request(c)) break;
        if (c.place) c.place->wait(true);
    }
    if (c.place) c.place->wait(true);
    // Over TLS, who is not told that this is the end takes it for a cut.
    co_await c.http.linger();
    c.http.stream().close();
}

}  // namespace s3zipd
