// The headers that web pages are judged by, and the settings that list hosts and origins: what is
// accepted names this machine or is listed, whatever surrounds it.
//
// Input: lines: Host, Origin, Sec-Fetch-Site, allowed_hosts, allowed_origins.
#include <algorithm>
#include <string>

#include "base/check.h"
#include "config/web_names.h"
#include "daemon/access_web.h"
#include "fuzz_input.h"

namespace {

using s3zipd::WebHeaders;
using s3zipd::WebRules;

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower;
}

// Judges by the text alone: without port and final dot it must be of the loopback.
bool looks_local(std::string_view host) {
    std::string text = lower_case(host);
    if (const auto colon = text.rfind(':'); colon != text.npos && !text.ends_with(']'))
        text.resize(colon);
    if (text.ends_with('.')) text.pop_back();
    return text == "localhost" || text.ends_with(".localhost") || text.starts_with("127.") ||
           (text.starts_with('[') && text.ends_with(']'));
}

void check_host(std::string_view text) {
    const auto parsed = config::parse_host_port(text);
    if (!parsed) return;
    const auto& [name, address] = parsed->host;
    CHECK(name.empty() == address.has_value());
    CHECK(name == lower_case(name) && !name.contains(' ') && !name.contains('/'));
    if (name.empty()) return;
    const auto again = config::parse_host_port(name + ":1");
    CHECK(again && again->port == 1);
    CHECK(name.ends_with('.') || again->host == parsed->host);
}

void check_origin(std::string_view text) {
    const auto parsed = config::parse_web_origin(text);
    if (!parsed) return;
    CHECK(lower_case(text).starts_with(parsed->scheme + "://"));
    CHECK(!text.substr(parsed->scheme.size() + 3).contains('/'));
    CHECK(text != "null" && text != "*");
}

void check_judgement(const WebHeaders& headers, const WebRules& rules) {
    const auto problem = s3zipd::refuse_web(rules, {}, headers, "POST", "/archives");
    if (problem) {
        CHECK(problem->type.status == 400 || problem->type.status == 403);
        CHECK(!problem->detail.empty() && problem->detail.size() < 500);
        return;
    }
    const auto host = config::parse_host_port(*headers.host);
    CHECK(host);
    const bool is_listed = std::ranges::find(rules.hosts, host->host) != rules.hosts.end();
    CHECK(is_listed || looks_local(*headers.host));
    if (s3zipd::allows_origin(rules, headers.origin)) return;
    CHECK(headers.fetch_site == "same-origin" || headers.fetch_site == "none");
    CHECK(lower_case(*headers.origin).starts_with("http://"));
    CHECK(config::parse_web_origin(*headers.origin)->host == host->host);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const std::string host(input.line()), origin(input.line()), site(input.line());
    const std::string hosts(input.line()), origins(input.line());
    check_host(host);
    check_origin(origin);
    WebRules rules;
    const bool good_hosts = config::read_web_hosts(hosts, rules.hosts).empty();
    CHECK(good_hosts || rules.hosts.empty());
    const bool good_origins = config::read_web_origins(origins, rules.origins).empty();
    CHECK(good_origins || rules.origins.empty());
    check_judgement({.host = host, .origin = origin, .fetch_site = site}, rules);
    for (const auto& [name, value] : s3zipd::cors_headers(rules, origin))
        CHECK(name != "Access-Control-Allow-Origin" || value == origin);
    return 0;
}
