#include "config/values.h"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>

#include "config/byte_size.h"

namespace config {
namespace {

bool parse_port(std::string_view text, std::uint16_t& port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size();
}

bool is_ipv4_address(std::string_view text) {
    for (int i = 0; i < 4; ++i) {
        unsigned value = 256;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || value > 255) return false;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (i == 3) return text.empty();
        if (!text.starts_with('.')) return false;
        text.remove_prefix(1);
    }
    return false;
}

// Only its alphabet: whoever binds the address finds out the rest.
bool looks_like_ipv6_address(std::string_view text) {
    return text.find(':') != std::string_view::npos &&
           text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

}  // namespace

std::string read_number(std::string_view text, std::uint64_t min, std::uint64_t max,
                        unsigned& out) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
        return fmt::format("must be a whole number from {} to {}", min, max);
    }
    out = static_cast<unsigned>(value);
    return {};
}

std::string read_size(std::string_view text, std::uint64_t min, std::uint64_t max,
                      std::uint64_t& out) {
    const auto bytes = parse_byte_size(text);
    if (!bytes) return "must be a size in bytes, such as 1048576, 64MiB or 64MB";
    if (*bytes < min || *bytes > max) {
        return fmt::format("must be from {} to {}", format_byte_size(min), format_byte_size(max));
    }
    out = *bytes;
    return {};
}

std::string read_listen(std::string_view text, std::string& address, std::uint16_t& port) {
    constexpr const char* kWrong =
        "must be ADDR:PORT with an IP address, such as 127.0.0.1:8420 or [::1]:8420";
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || !parse_port(text.substr(colon + 1), port)) return kWrong;
    std::string host(text.substr(0, colon));
    if (host == "localhost") host = "127.0.0.1";
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (bracketed ? !looks_like_ipv6_address(host) : !is_ipv4_address(host)) return kWrong;
    address = std::move(host);
    return {};
}

std::string read_endpoint(std::string_view text, std::string& out) {
    constexpr const char* kWrong =
        "must be http://HOST[:PORT] or https://HOST[:PORT], without a path";
    if (text.ends_with('/')) text.remove_suffix(1);
    std::string_view host = text;
    if (host.starts_with("https://")) {
        host.remove_prefix(8);
    } else if (host.starts_with("http://")) {
        host.remove_prefix(7);
    } else if (!host.empty()) {
        return kWrong;
    }
    if (host.empty() && !text.empty()) return kWrong;
    if (std::any_of(host.begin(), host.end(), [](char c) {
            return !is_word_character(c) && c != '.' && c != ':' && c != '[' && c != ']';
        })) {
        return kWrong;
    }
    const std::size_t colon = host.rfind(':');
    const bool has_port =
        colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
    std::uint16_t port = 1;
    if (has_port && (colon == 0 || !parse_port(host.substr(colon + 1), port) || port == 0))
        return kWrong;
    out = text;
    return {};
}

std::string read_region(std::string_view text, std::string& out) {
    if (text.empty() || text.size() > 64 ||
        !std::all_of(text.begin(), text.end(), is_word_character)) {
        return "must be a region name, such as eu-central-1";
    }
    out = text;
    return {};
}

std::string read_flag(std::string_view text, std::optional<bool>& out) {
    if (text != "true" && text != "false") return "must be true or false";
    out = text == "true";
    return {};
}

std::string read_profile(std::string_view text, std::string& out) {
    const bool good = !text.empty() && text.size() <= 256 &&
                      std::none_of(text.begin(), text.end(),
                                   [](char c) { return c < ' ' || c == '\x7f' || c == ']'; });
    if (!good) return "must be the name of a profile";
    out = text;
    return {};
}

std::string read_absolute_path(std::string_view text, std::string& out) {
    if (!text.starts_with('/')) return "must be an absolute path";
    out = text;
    return {};
}

std::string read_networks(std::string_view text, std::vector<base::IpNetwork>& out) {
    auto networks = base::parse_ip_networks(text);
    if (!networks) {
        return fmt::format("must be networks with commas between them: {}",
                           networks.error().detail);
    }
    out = std::move(*networks);
    return {};
}

std::string read_existing_file(std::string_view text, std::string& out) {
    const std::string path(text);
    if (!path.empty() && access(path.c_str(), R_OK) != 0) {
        return fmt::format("{} cannot be read", path);
    }
    out = path;
    return {};
}

}  // namespace config
