#include "daemon/access_web.h"

#include <fmt/format.h>
#include <algorithm>

#include "s3client/clip.h"

namespace s3zipd {
namespace {

using config::HostPort;
using config::WebOrigin;

constexpr std::size_t kShownBytesMax = 200;  // of a header's value

std::string_view clipped(std::string_view value) { return s3client::clip(value, kShownBytesMax); }

bool names_this_machine(const WebRules& rules, const config::WebHost& host) {
    return config::is_loopback(host) || std::ranges::find(rules.hosts, host) != rules.hosts.end();
}

bool is_own(std::string_view scheme, const WebOrigin& origin, const HostPort& host) {
    return origin.scheme == scheme && origin.host == host.host &&
           origin.port == host.port.value_or(config::default_port(scheme));
}

// The page's scheme and authority are those that the request was sent to. A Unix socket has no
// scheme: the proxy in front of it chooses one, and only it could be sent a foreign Host.
bool is_own(const WebRules& rules, const WebArrival& arrival, std::string_view origin,
            const HostPort& host) {
    const auto parsed = config::parse_web_origin(origin);
    if (!parsed) return false;
    if (!arrival.is_unix) return is_own(arrival.is_tls ? "https" : "http", *parsed, host);
    return names_this_machine(rules, host.host) &&
           (is_own("http", *parsed, host) || is_own("https", *parsed, host));
}

// A link from another page to the daemon's own page, which holds no data and cannot be framed.
bool opens_the_page(const WebHeaders& headers, std::string_view method, std::string_view target) {
    return method == "GET" && (target == "/" || target.starts_with("/?")) &&
           headers.fetch_mode == "navigate" && headers.fetch_dest == "document";
}

Problem bad_host(std::string_view host) {
    return make_problem("bad-http",
                        fmt::format("Host is '{}', which is not HOST or HOST:PORT", clipped(host)));
}

Problem host_problem(std::string_view host) {
    return make_problem(
        "host-not-allowed",
        fmt::format("Host is {}, which does not name this machine: if it does, add the name to the "
                    "setting allowed_hosts",
                    clipped(host)));
}

Problem origin_problem(std::string_view origin) {
    const std::string_view remedy =
        origin == "null" ? "such pages have no address that the setting allowed_origins could list"
                         : "to let its pages use the API, add it to the setting allowed_origins";
    return make_problem(
        "origin-not-allowed",
        fmt::format("Origin is {}, which is not the daemon's own: {}", clipped(origin), remedy));
}

Problem site_problem(std::string_view site) {
    return make_problem(
        "origin-not-allowed",
        fmt::format("Sec-Fetch-Site is {}: a page from elsewhere has sent this. Its origin must be "
                    "in the setting allowed_origins, and be sent as Origin",
                    clipped(site)));
}

}  // namespace

bool allows_origin(const WebRules& rules, const std::optional<std::string>& origin) {
    if (!origin || rules.origins.empty()) return false;
    const auto parsed = config::parse_web_origin(*origin);
    return parsed && std::ranges::find(rules.origins, *parsed) != rules.origins.end();
}

std::optional<Problem> refuse_web(const WebRules& rules, const WebArrival& arrival,
                                  const WebHeaders& headers, std::string_view method,
                                  std::string_view target) {
    const bool checks_host = arrival.checks_host && !arrival.is_unix;
    std::optional<HostPort> host;
    if (headers.host) {
        host = config::parse_host_port(*headers.host);
        if (!host) return bad_host(*headers.host);
        if (checks_host && !names_this_machine(rules, host->host))
            return host_problem(*headers.host);
    } else if (checks_host) {
        return make_problem("bad-http", "there must be one Host header");
    }
    if (!arrival.checks_origin || allows_origin(rules, headers.origin)) return std::nullopt;
    if (headers.origin && !(host && is_own(rules, arrival, *headers.origin, *host)))
        return origin_problem(*headers.origin);
    const auto& site = headers.fetch_site;
    const bool is_ours = !site || site == "same-origin" || site == "none";
    if (!is_ours && !opens_the_page(headers, method, target)) return site_problem(*site);
    return std::nullopt;
}

HeaderList cors_headers(const WebRules& rules, const std::optional<std::string>& origin) {
    HeaderList headers;
    if (rules.origins.empty()) return headers;
    headers.emplace_back("Vary", "Origin");
    if (!allows_origin(rules, origin)) return headers;
    headers.emplace_back("Access-Control-Allow-Origin", *origin);
    headers.emplace_back("Access-Control-Expose-Headers",
                         "Allow, Date, ETag, Location, Retry-After, WWW-Authenticate");
    return headers;
}

HttpResponse preflight_response(std::string_view methods) {
    HttpResponse response;
    response.status = 204;
    response.content_type.clear();
    response.headers = {
        {"Access-Control-Allow-Methods", std::string(methods)},
        {"Access-Control-Allow-Headers",
         "Authorization, Content-Type, Idempotency-Key, If-None-Match"},
        {"Access-Control-Max-Age", "600"},
    };
    return response;
}

}  // namespace s3zipd
