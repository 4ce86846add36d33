#include "config/web_names.h"

#include <fmt/format.h>
#include <algorithm>

#include "config/values.h"

namespace config {
namespace {

constexpr std::string_view kHttp = "http";
constexpr std::string_view kHttps = "https";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower;
}

// reg-name of RFC 3986, section 3.2.2, without the empty one.
bool is_reg_name(std::string_view text) {
    constexpr std::string_view kOthers = "-._~!$&'()*+,;=";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2]))
                return false;
            i += 2;
        } else if (!is_letter(c) && !is_digit(c) && !kOthers.contains(c)) {
            return false;
        }
    }
    return !text.empty();
}

// Names that DNS has, and underscores, which some networks have.
bool is_dns_name(std::string_view text) {
    return !text.empty() && !text.starts_with('.') && !text.ends_with('.') &&
           !text.contains("..") && std::ranges::all_of(text, [](char c) {
               return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
           });
}

bool is_bracketed(std::string_view text) {
    return text.size() > 2 && text.starts_with('[') && text.ends_with(']');
}

// uri-host of RFC 3986: a name, an IPv4 address, or an IPv6 address in brackets.
std::optional<WebHost> parse_host(std::string_view text) {
    if (text.size() > kWebNameBytesMax) return std::nullopt;
    if (is_bracketed(text)) {
        const std::string_view inner = text.substr(1, text.size() - 2);
        const auto address = base::parse_ip_address(inner);
        if (!address || !inner.contains(':')) return std::nullopt;
        return WebHost{{}, address};
    }
    if (!is_reg_name(text)) return std::nullopt;
    if (text.size() > 1 && text.ends_with('.')) text.remove_suffix(1);
    if (const auto address = base::parse_ip_address(text)) return WebHost{{}, address};
    return WebHost{lower_case(text), std::nullopt};
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

template <typename Entry, typename Parse>
std::string read_list(std::string_view text, std::vector<Entry>& out, Parse parse) {
    std::vector<Entry> entries;
    bool more = !trimmed(text).empty();
    while (more) {
        const std::size_t comma = text.find(',');
        const std::string_view word = trimmed(text.substr(0, comma));
        if (word.empty()) return "has an empty entry";
        Entry entry;
        if (std::string wrong = parse(word, entry); !wrong.empty())
            return fmt::format("has '{}', which {}", word, wrong);
        if (std::ranges::find(entries, entry) == entries.end()) entries.push_back(std::move(entry));
        more = comma != std::string_view::npos;
        if (more) text.remove_prefix(comma + 1);
    }
    if (entries.size() > kWebNamesMax) return fmt::format("has more than {} entries", kWebNamesMax);
    out = std::move(entries);
    return {};
}

std::string read_host(std::string_view text, WebHost& out) {
    if (text.contains('*')) return "is a pattern: each host must be named";
    // "::1" is as clear as "[::1]" where no port can follow.
    const auto address = base::parse_ip_address(text);
    const auto host = address ? std::optional(WebHost{{}, address}) : parse_host(text);
    if (!host || (!host->address && !is_dns_name(host->name)))
        return "must be a host name or an IP address, without a scheme or a port";
    out = *host;
    return {};
}

std::string read_origin(std::string_view text, WebOrigin& out) {
    if (text == "*") return "would allow every page: each origin must be named";
    if (text == "null") return "is the origin of every sandboxed page and local file";
    if (text.contains('*')) return "is a pattern: each origin must be named";
    const auto origin = parse_web_origin(text);
    if (!origin || (!origin->host.address && !is_dns_name(origin->host.name)))
        return "must be SCHEME://HOST or SCHEME://HOST:PORT, without a path or a '/' at the end";
    out = *origin;
    return {};
}

}  // namespace

bool is_loopback(const WebHost& host) {
    if (!host.address) return host.name == "localhost" || host.name.ends_with(".localhost");
    static const auto kV4 = base::parse_ip_network("127.0.0.0/8");
    static const auto kV6 = base::parse_ip_network("::1");
    return kV4->contains(*host.address) || kV6->contains(*host.address);
}

std::optional<HostPort> parse_host_port(std::string_view text) {
    HostPort parsed;
    const std::size_t colon = text.rfind(':');
    const bool has_port =
        colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
    if (has_port && colon + 1 < text.size()) {  // RFC 3986 lets the digits be left out
        std::uint16_t port = 0;
        if (!parse_port(text.substr(colon + 1), port)) return std::nullopt;
        parsed.port = port;
    }
    const auto host = parse_host(has_port ? text.substr(0, colon) : text);
    if (!host) return std::nullopt;
    parsed.host = *host;
    return parsed;
}

std::uint16_t default_port(std::string_view scheme) {
    if (scheme == kHttp) return 80;
    return scheme == kHttps ? 443 : 0;
}

std::optional<WebOrigin> parse_web_origin(std::string_view text) {
    if (text.size() > kWebOriginBytesMax) return std::nullopt;
    const std::size_t end = text.find("://");
    if (end == 0 || end == std::string_view::npos) return std::nullopt;
    const std::string_view scheme = text.substr(0, end);
    const bool is_scheme =
        is_letter(scheme[0]) && std::ranges::all_of(scheme, [](char c) {
            return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
        });
    if (!is_scheme || text.ends_with(':')) return std::nullopt;
    const auto place = parse_host_port(text.substr(end + 3));
    if (!place || place->port == 0) return std::nullopt;
    WebOrigin origin{lower_case(scheme), place->host, 0};
    origin.port = place->port.value_or(default_port(origin.scheme));
    return origin;
}

std::string read_web_hosts(std::string_view text, std::vector<WebHost>& out) {
    return read_list(text, out, read_host);
}

std::string read_web_origins(std::string_view text, std::vector<WebOrigin>& out) {
    return read_list(text, out, read_origin);
}

}  // namespace config
