#include "base/encoding.h"

#include <array>

namespace base {
namespace {

constexpr std::string_view kHexLower = "0123456789abcdef";
constexpr std::string_view kHexUpper = "0123456789ABCDEF";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_unreserved(unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int base64_digit(char c) {
    const auto at = kBase64.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string hex(ByteView bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte b : bytes) {
        text += kHexLower[static_cast<unsigned>(b) >> 4];
        text += kHexLower[static_cast<unsigned>(b) & 15];
    }
    return text;
}

std::string base64(ByteView bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8 | (k < n ? static_cast<unsigned>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            text += k <= n ? kBase64[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return text;
}

Result<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0)
        return fail(ErrorKind::invalid, "bad_base64", "length is not a multiple of 4");
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        unsigned group = 0;
        int padding = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            const char c = text[i + k];
            const bool may_pad = i + 4 == text.size() && k >= 2;
            if (c == '=' && may_pad) {
                ++padding;
                group <<= 6;
                continue;
            }
            const int digit = base64_digit(c);
            if (digit < 0 || padding > 0)
                return fail(ErrorKind::invalid, "bad_base64", "not base64");
            group = group << 6 | static_cast<unsigned>(digit);
        }
        // Bits that are in no byte: were they ignored, a damaged text would pass for another.
        if ((group & ((1U << (8 * padding)) - 1)) != 0)
            return fail(ErrorKind::invalid, "bad_base64", "bits behind the last byte");
        for (int k = 0; k < 3 - padding; ++k)
            bytes += static_cast<char>(group >> (16 - 8 * k) & 255);
    }
    return bytes;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (is_unreserved(u) || (c == '/' && keep_slash)) {
            out += c;
        } else {
            out += '%';
            out += kHexUpper[u >> 4];
            out += kHexUpper[u & 15];
        }
    }
    return out;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return fail(ErrorKind::invalid, "bad_percent_encoding",
                            "'%' without two hex digits");
            }
            out += static_cast<char>(high << 4 | low);
            i += 2;
        } else {
            out += plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string crc32_base64(std::uint32_t crc) {
    const std::array<std::byte, 4> big_endian = {
        static_cast<std::byte>(crc >> 24), static_cast<std::byte>(crc >> 16),
        static_cast<std::byte>(crc >> 8), static_cast<std::byte>(crc)};
    return base64(big_endian);
}

std::optional<std::uint32_t> crc32_from_base64(std::string_view text) {
    const auto bytes = base64_decode(text);
    if (!bytes || bytes->size() != 4) return std::nullopt;
    std::uint32_t crc = 0;
    for (const char c : *bytes) crc = crc << 8 | static_cast<unsigned char>(c);
    return crc;
}

}  // namespace base
