#include "config/listen_address.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <algorithm>
#include <optional>

#include "base/ip_network.h"
#include "config/values.h"

namespace config {
namespace {

constexpr std::string_view kUnix = "unix:";

std::optional<ListenAddress> parse(std::string_view text) {
    ListenAddress address;
    if (text.starts_with(kUnix)) {
        address.unix_path = text.substr(kUnix.size());
        const bool good = address.unix_path.size() > 1 && address.unix_path.starts_with('/') &&
                          !address.unix_path.ends_with('/') && !address.unix_path.contains('\0');
        return good ? std::optional(address) : std::nullopt;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || !parse_port(text.substr(colon + 1), address.port))
        return std::nullopt;
    std::string_view host = text.substr(0, colon);
    if (host == "localhost") host = "127.0.0.1";
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (bracketed != host.contains(':') || !base::parse_ip_address(host)) return std::nullopt;
    address.address = host;
    return address;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

}  // namespace

std::string read_listen(std::string_view text, std::vector<ListenAddress>& out) {
    std::vector<ListenAddress> addresses;
    while (true) {
        const std::size_t comma = text.find(',');
        auto address = parse(trimmed(text.substr(0, comma)));
        if (!address) {
            return "must be ADDR:PORT with an IP address, such as 127.0.0.1:8420 or [::1]:8420, or "
                   "unix:/PATH; several with commas between them";
        }
        if (address->unix_path.size() >= sizeof(sockaddr_un::sun_path))
            return "has a path that is too long for a Unix socket";
        // Of port 0 each is another one.
        const bool any_port = address->unix_path.empty() && address->port == 0;
        if (!any_port && std::ranges::find(addresses, *address) != addresses.end())
            return "has an address twice";
        addresses.push_back(std::move(*address));
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    if (addresses.size() > kListenAddressesMax)
        return fmt::format("has more than {} addresses", kListenAddressesMax);
    out = std::move(addresses);
    return {};
}

bool is_local(const ListenAddress& address) {
    if (!address.unix_path.empty()) return true;
    const auto ip = base::parse_ip_address(address.address);
    return ip && (base::parse_ip_network("127.0.0.0/8")->contains(*ip) ||
                  base::parse_ip_network("::1")->contains(*ip));
}

std::string to_string(const ListenAddress& address) {
    if (!address.unix_path.empty()) return std::string(kUnix) + address.unix_path;
    if (address.address.contains(':')) return fmt::format("[{}]:{}", address.address, address.port);
    return fmt::format("{}:{}", address.address, address.port);
}

}  // namespace config
