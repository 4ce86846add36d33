#include "config/values.h"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <charconv>

#include "config/byte_size.h"

namespace config {
namespace {

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

bool parse_port(std::string_view text, std::uint16_t& port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size();
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

std::string read_mode(std::string_view text, unsigned& out) {
    unsigned mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc() || end != text.data() + text.size() || mode > 0777)
        return "must be a mode in octal, such as 0660";
    out = mode;
    return {};
}

std::string read_sha256(std::string_view text, Sha256Digest& out) {
    Sha256Digest digest{};
    bool good = text.size() == 2 * digest.size();
    for (std::size_t i = 0; good && i < digest.size(); ++i) {
        const char* at = text.data() + 2 * i;
        const auto [end, error] = std::from_chars(at, at + 2, digest[i], 16);
        good = error == std::errc() && end == at + 2;
    }
    if (!good) {
        return "must be the SHA-256 of the token in 64 hexadecimal digits, not the token itself: "
               "printf %s TOKEN | sha256sum";
    }
    // What sha256sum says where TOKEN is an empty variable.
    constexpr std::array<std::uint8_t, 8> kOfNothing = {0xe3, 0xb0, 0xc4, 0x42,
                                                        0x98, 0xfc, 0x1c, 0x14};
    if (std::equal(kOfNothing.begin(), kOfNothing.end(), digest.begin()))
        return "is the SHA-256 of an empty token";
    out = digest;
    return {};
}

}  // namespace config
