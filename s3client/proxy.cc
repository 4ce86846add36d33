#include "s3client/proxy.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/encoding.h"
#include "s3client/endpoint.h"

namespace s3client {
namespace {

using base::Result;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const auto begin = text.find_first_not_of(kSpace);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// "s3.example." is "s3.example".
std::string_view without_root(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

// An address or a network. Bits behind the prefix do not count, as for curl.
std::optional<base::IpNetwork> parse_network(std::string_view text) {
    constexpr unsigned kBits = 128, kV4PrefixBits = 96;
    const auto slash = text.find('/');
    const auto address = base::parse_ip_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    base::IpNetwork network{*address, kBits};
    if (slash == text.npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    const unsigned before = text.contains(':') ? 0 : kV4PrefixBits;
    if (error != std::errc{} || end != digits.data() + digits.size() || prefix > kBits - before)
        return std::nullopt;
    network.prefix_bits = before + prefix;
    for (unsigned i = 0; i < network.address.bytes.size(); ++i) {
        const unsigned kept = std::clamp(network.prefix_bits, 8 * i, 8 * i + 8) - 8 * i;
        network.address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return network;
}

bool is_in(const base::IpAddress& address, std::string_view network) {
    return parse_network(network)->contains(address);
}

bool is_this_machine(std::string_view host) {
    if (const auto address = base::parse_ip_address(host))
        return is_in(*address, "127.0.0.0/8") || is_in(*address, "::1/128");
    const std::string name = lower(without_root(host));
    return name == "localhost" || name.ends_with(".localhost");
}

bool is_link_local(std::string_view host) {
    const auto address = base::parse_ip_address(host);
    return address && (is_in(*address, "169.254.0.0/16") || is_in(*address, "fe80::/10"));
}

std::unexpected<base::Error> bad_proxy(const std::string& variable, std::string_view why) {
    return base::fail(base::ErrorKind::invalid, "bad_proxy", fmt::format("{}: {}", variable, why));
}

Result<std::string> basic(const std::string& variable, std::string_view user_info) {
    const auto colon = user_info.find(':');
    const auto user = base::percent_decode(user_info.substr(0, colon));
    const auto password =
        base::percent_decode(colon == user_info.npos ? "" : user_info.substr(colon + 1));
    if (!user || !password)
        return bad_proxy(variable, "the user or the password is not percent-encoded rightly");
    return "Basic " + base::base64(base::as_bytes(*user + ":" + *password));
}

Result<Proxy> parse_proxy(const std::string& variable, std::string_view url) {
    Proxy proxy;
    std::string_view rest = trim(url);
    if (const auto scheme_end = rest.find("://"); scheme_end != rest.npos) {
        const std::string scheme = lower(rest.substr(0, scheme_end));
        if (scheme != "http" && scheme != "https")
            return bad_proxy(variable,
                             "a proxy of this kind is not supported, only http and https");
        proxy.tls = scheme == "https";
        rest.remove_prefix(scheme_end + 3);
    }
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (const auto at = rest.rfind('@'); at != rest.npos) {
        auto authorization = basic(variable, rest.substr(0, at));
        if (!authorization) return std::unexpected(authorization.error());
        proxy.authorization = std::move(*authorization);
        rest.remove_prefix(at + 1);
    }
    const auto place = parse_endpoint(fmt::format("{}://{}", proxy.tls ? "https" : "http", rest));
    if (!place) return bad_proxy(variable, "must be [http[s]://][user:password@]host[:port]");
    proxy.host = place->host;
    proxy.port = place->port;
    return proxy;
}

struct Found {
    std::string variable, value;
};

// Lower case wins.
std::optional<Found> find(const Environment& environment, std::string_view name) {
    std::string upper(name);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    for (const std::string& variable : {std::string(name), upper}) {
        if (auto value = environment(variable)) return Found{variable, std::move(*value)};
    }
    return std::nullopt;
}

Result<std::optional<Proxy>> proxy_of(const Environment& environment, std::string_view name) {
    auto found = find(environment, name);
    if (!found) found = find(environment, "all_proxy");
    if (!found || trim(found->value).empty()) return std::nullopt;
    auto proxy = parse_proxy(found->variable, found->value);
    if (!proxy) return std::unexpected(proxy.error());
    return std::move(*proxy);
}

}  // namespace

std::string authority_of(std::string_view host, std::uint16_t port) {
    return host.contains(':') ? fmt::format("[{}]:{}", host, port)
                              : fmt::format("{}:{}", host, port);
}

std::string Proxy::authority() const { return authority_of(host, port); }

NoProxy::NoProxy(std::string_view list) {
    while (!list.empty()) {
        const auto end = list.find_first_of(", \t\r\n");
        std::string_view word = list.substr(0, end);
        list.remove_prefix(end == list.npos ? list.size() : end + 1);
        if (word.empty()) continue;
        if (word == "*") {
            all_ = true;
            continue;
        }
        Entry entry;
        // "[::1]:9000", "[::1]", "host:9000"; an address without brackets has no port.
        std::string_view host = word;
        const bool bracketed = word.starts_with('[') && word.contains(']');
        if (bracketed) host = word.substr(1, word.find(']') - 1);
        const std::string_view after = bracketed ? word.substr(word.find(']') + 1)
                                       : std::ranges::count(word, ':') == 1
                                           ? word.substr(word.find(':'))
                                           : std::string_view();
        if (!bracketed) host.remove_suffix(after.size());
        if (!after.empty()) {
            const auto port = after.starts_with(':') ? parse_port(after.substr(1)) : std::nullopt;
            if (!port) continue;
            entry.port = *port;
        }
        if (const auto network = parse_network(host)) {
            entry.network = *network;
        } else {
            if (host.starts_with("*.")) host.remove_prefix(1);
            if (host.starts_with('.')) host.remove_prefix(1);
            entry.name = lower(without_root(host));
            if (entry.name.empty()) continue;
        }
        entries_.push_back(std::move(entry));
    }
}

bool NoProxy::matches(std::string_view host, std::uint16_t port) const {
    if (all_) return true;
    const auto address = base::parse_ip_address(host);
    const std::string name = lower(without_root(host));
    return std::ranges::any_of(entries_, [&](const Entry& entry) {
        if (entry.port != 0 && entry.port != port) return false;
        if (entry.network) return address && entry.network->contains(*address);
        return name == entry.name || name.ends_with("." + entry.name);
    });
}

Result<ProxyRules> ProxyRules::from_environment(const Environment& environment) {
    ProxyRules rules;
    auto https = proxy_of(environment, "https_proxy");
    if (!https) return std::unexpected(https.error());
    auto http = proxy_of(environment, "http_proxy");
    if (!http) return std::unexpected(http.error());
    rules.https_ = std::move(*https);
    rules.http_ = std::move(*http);
    if (auto except = find(environment, "no_proxy")) {
        rules.no_proxy_ = NoProxy(except->value);
        rules.exceptions_ = std::move(except->value);
    }
    return rules;
}

const Proxy* ProxyRules::proxy_for(std::string_view host, std::uint16_t port, bool tls) const {
    const std::optional<Proxy>& proxy = tls ? https_ : http_;
    if (!proxy || is_link_local(host) || no_proxy_.matches(host, port)) return nullptr;
    if (is_this_machine(host) && !is_this_machine(proxy->host)) return nullptr;
    return &*proxy;
}

}  // namespace s3client
