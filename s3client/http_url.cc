#include "s3client/http_url.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>

#include "base/ip_network.h"

namespace s3client {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::unexpected<base::Error> bad_url(std::string detail) {
    return base::fail(base::ErrorKind::invalid, "bad_url", std::move(detail));
}

bool is_host_name(std::string_view host) {
    constexpr std::size_t kNameMax = 253, kLabelMax = 63;  // RFC 1035, section 2.3.4
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.size() > kNameMax) return false;
    std::size_t label = 0;
    for (const char c : host) {
        const bool word = is_alnum(c) || c == '-' || c == '_';
        if (!word && (c != '.' || label == 0)) return false;
        label = word ? label + 1 : 0;
        if (label > kLabelMax) return false;
    }
    return label != 0;
}

// pchar, '/' and '?' of RFC 3986, section 3.3 and 3.4.
bool is_target(std::string_view text) {
    constexpr std::string_view kOthers = "-._~!$&'()*+,;=:@/?";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
        } else if (!is_alnum(c) && !kOthers.contains(c)) {
            return false;
        }
    }
    return true;
}

base::Status take_port(std::string_view text, Endpoint& endpoint) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), endpoint.port);
    if (error != std::errc() || end != text.data() + text.size() || endpoint.port == 0)
        return bad_url("the port must be from 1 to 65535");
    return {};
}

base::Status take_authority(std::string_view text, Endpoint& endpoint) {
    if (text.contains('@')) return bad_url("must hold no user or password");
    std::string_view host = text, rest;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == text.npos) return bad_url("an IPv6 address ends with ]");
        host = text.substr(1, close - 1);
        rest = text.substr(close + 1);
        if (!host.contains(':') || !base::parse_ip_address(host))
            return bad_url("what stands in brackets must be an IPv6 address");
        if (!rest.empty() && !rest.starts_with(':')) return bad_url("behind ] a port is due");
    } else {
        const std::size_t colon = std::min(text.find(':'), text.size());
        host = text.substr(0, colon);
        rest = text.substr(colon);
        if (host.empty()) return bad_url("needs a host");
        if (!is_host_name(host)) {
            return bad_url(
                "the host must be a name of letters, digits, '-' and '.' (others as xn--...), or "
                "an address");
        }
    }
    endpoint.host = host;
    if (rest.empty()) return {};
    return take_port(rest.substr(1), endpoint);
}

}  // namespace

base::Result<HttpUrl> parse_http_url(std::string_view url) {
    if (url.size() > kHttpUrlMax_bytes)
        return bad_url(fmt::format("must have at most {} bytes", kHttpUrlMax_bytes));
    HttpUrl out;
    out.endpoint.aws = false;
    if (url.starts_with("https://")) {
        url.remove_prefix(8);
    } else if (url.starts_with("http://")) {
        url.remove_prefix(7);
        out.endpoint.tls = false;
        out.endpoint.port = 80;
    } else {
        return bad_url("must begin with https:// or http://");
    }
    if (url.contains('#')) return bad_url("must have no fragment");
    const std::size_t end = std::min(url.find_first_of("/?"), url.size());
    if (auto taken = take_authority(url.substr(0, end), out.endpoint); !taken)
        return std::unexpected(taken.error());
    const std::string_view target = url.substr(end);
    if (!is_target(target))
        return bad_url("path and query must be percent-encoded, as RFC 3986 has it");
    out.target = target.starts_with('/') ? target : fmt::format("/{}", target);
    return out;
}

}  // namespace s3client
