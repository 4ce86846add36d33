#include "base/ip_network.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>

namespace base {
namespace {

constexpr std::size_t kBytes = 16, kV4At = 12;
constexpr unsigned kBits = 128, kV4PrefixBits = 96;

template <typename Number>
bool parse_number(std::string_view text, Number& out, int radix) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, radix);
    return error == std::errc() && end == text.data() + text.size();
}

// Four decimal numbers; "010" is 8 to some, so it is nothing here.
bool parse_v4(std::string_view text, std::uint8_t* out) {
    for (int i = 0; i < 4; ++i) {
        const std::size_t dot = i < 3 ? text.find('.') : text.size();
        if (dot == text.npos) return false;
        const std::string_view word = text.substr(0, dot);
        const bool padded = word.size() > 1 && word.starts_with('0');
        if (padded || word.size() > 3 || !parse_number(word, out[i], 10)) return false;
        text.remove_prefix(std::min(dot + 1, text.size()));
    }
    return true;
}

// Groups of 16 bits, the last two of which may be an IPv4 address; true if all of it is.
bool parse_groups(std::string_view text, std::vector<std::uint8_t>& out) {
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view word = text.substr(0, colon);
        std::array<std::uint8_t, 4> v4;
        std::uint16_t group = 0;
        if (colon == text.npos && parse_v4(word, v4.data())) {
            out.insert(out.end(), v4.begin(), v4.end());
        } else if (!word.empty() && word.size() <= 4 && parse_number(word, group, 16)) {
            out.push_back(static_cast<std::uint8_t>(group >> 8));
            out.push_back(static_cast<std::uint8_t>(group));
        } else {
            return false;
        }
        if (colon == text.npos) return true;
        text.remove_prefix(colon + 1);
        if (text.empty()) return false;  // a colon at the end
    }
    return true;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
    const std::size_t gap = text.find("::");
    std::vector<std::uint8_t> head, tail;
    if (!parse_groups(text.substr(0, gap), head)) return std::nullopt;
    if (gap != text.npos && !parse_groups(text.substr(gap + 2), tail)) return std::nullopt;
    // An IPv4 address is only at the very end.
    if (gap != text.npos && text.substr(0, gap).contains('.')) return std::nullopt;
    const std::size_t size = head.size() + tail.size();
    if (gap == text.npos ? size != kBytes : size > kBytes - 2) return std::nullopt;
    IpAddress address;
    std::ranges::copy(head, address.bytes.begin());
    std::ranges::copy(tail, address.bytes.end() - static_cast<std::ptrdiff_t>(tail.size()));
    return address;
}

// The same with all bits after the first `bits` zero.
IpAddress masked(IpAddress address, unsigned bits) {
    for (unsigned i = 0; i < kBytes; ++i) {
        const unsigned kept = std::clamp(bits, i * 8, i * 8 + 8) - i * 8;
        address.bytes[i] &= static_cast<std::uint8_t>(0xFF00U >> kept);
    }
    return address;
}

std::unexpected<Error> bad_network(std::string_view text, std::string_view why) {
    constexpr std::size_t kShownMax = 64;
    return fail(ErrorKind::invalid, "bad_network",
                fmt::format("'{}' {}", text.substr(0, kShownMax), why));
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t address) {
    IpAddress out;
    out.bytes[10] = out.bytes[11] = 0xFF;
    for (std::size_t i = 0; i < 4; ++i)
        out.bytes[kV4At + i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
    return out;
}

bool IpAddress::is_v4() const { return masked(*this, kV4PrefixBits) == v4(0); }

std::uint32_t IpAddress::bits_at(std::size_t byte) const {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) bits = bits << 8 | bytes[byte + i];
    return bits;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
    if (text.contains(':')) return parse_v6(text);
    std::array<std::uint8_t, 4> v4;
    if (!parse_v4(text, v4.data())) return std::nullopt;
    IpAddress address = IpAddress::v4(0);
    std::ranges::copy(v4, address.bytes.begin() + kV4At);
    return address;
}

bool IpNetwork::contains(const IpAddress& other) const {
    if (prefix_bits < kV4PrefixBits && other.is_v4()) return false;
    return masked(other, prefix_bits) == masked(address, prefix_bits);
}

Result<IpNetwork> parse_ip_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view word = text.substr(0, slash);
    const auto address = parse_ip_address(word);
    if (!address) return bad_network(text, "is no network, such as 10.1.0.0/16 or fd00:1::/64");
    IpNetwork network{*address, kBits};
    if (slash == text.npos) return network;
    // 127.0.0.0/8 is ::ffff:127.0.0.0/104.
    const unsigned offset = word.contains(':') ? 0 : kV4PrefixBits;
    std::uint8_t prefix = 0;
    if (!parse_number(text.substr(slash + 1), prefix, 10) || prefix > kBits - offset)
        return bad_network(text, fmt::format("has no prefix of 0 to {}", kBits - offset));
    network.prefix_bits = prefix + offset;
    if (masked(*address, network.prefix_bits) != *address)
        return bad_network(text, "has bits set behind its prefix");
    return network;
}

Result<std::vector<IpNetwork>> parse_ip_networks(std::string_view text) {
    std::vector<IpNetwork> networks;
    const auto trim = [](std::string_view word) {
        while (word.starts_with(' ')) word.remove_prefix(1);
        while (word.ends_with(' ')) word.remove_suffix(1);
        return word;
    };
    if (trim(text).empty()) return networks;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        auto network = parse_ip_network(trim(text.substr(at, comma - at)));
        if (!network) return std::unexpected(network.error());
        networks.push_back(*network);
        at = comma + 1;
    }
    return networks;
}

}  // namespace base
