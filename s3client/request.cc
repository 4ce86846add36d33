#include "s3client/request.h"

#include <algorithm>

#include "base/encoding.h"

namespace s3client {
namespace {

// RFC 9110 token, lower case only: our own convention, so that signing need not fold.
bool is_header_name(std::string_view name) {
    constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::ranges::all_of(name, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || kPunctuation.contains(c);
    });
}

// No control characters but the tab; bytes over 0x7f pass (user metadata in UTF-8).
bool is_header_value(std::string_view value) {
    return std::ranges::none_of(value, [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return (u < 0x20 && c != '\t') || u == 0x7f;
    });
}

std::unexpected<base::Error> bad_header(std::string detail) {
    return base::fail(base::ErrorKind::invalid, "bad_header", std::move(detail));
}

}  // namespace

bool is_visible(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

void HttpRequest::set_header(std::string_view name, std::string value) {
    for (auto& [known, held] : headers) {
        if (known == name) {
            held = std::move(value);
            return;
        }
    }
    headers.emplace_back(std::string(name), std::move(value));
}

const std::string* HttpRequest::find_header(std::string_view name) const {
    const auto found = std::ranges::find(headers, name, &NameValue::first);
    return found == headers.end() ? nullptr : &found->second;
}

std::string encode_query(const std::vector<NameValue>& query) {
    std::vector<NameValue> encoded;
    encoded.reserve(query.size());
    std::size_t size = 0;
    for (const auto& [name, value] : query) {
        encoded.emplace_back(base::percent_encode(name, false), base::percent_encode(value, false));
        size += encoded.back().first.size() + encoded.back().second.size() + 2;
    }
    std::ranges::sort(encoded);
    std::string text;
    text.reserve(size);
    for (const auto& [name, value] : encoded) {
        if (!text.empty()) text += '&';
        text += name;
        text += '=';
        text += value;
    }
    return text;
}

std::string encode_target(const HttpRequest& request) {
    std::string target = request.path;
    if (!request.query.empty()) {
        target += '?';
        target += encode_query(request.query);
    }
    return target;
}

base::Result<std::string> encode_request_head(const HttpRequest& request,
                                              std::optional<std::uint64_t> content_length) {
    if (request.method.empty() || !is_visible(request.method))
        return bad_header("the method is not a word");
    if (request.host.empty() || !is_visible(request.host))
        return bad_header("the host name holds a space or control");
    if (!is_visible(request.path) || !request.path.starts_with('/') || request.path.contains('?')) {
        return bad_header("the path is not an encoded one");
    }
    std::string head;
    head.reserve(1024);
    head.append(request.method).append(" ").append(encode_target(request)).append(" HTTP/1.1\r\n");
    head.append("host: ").append(request.host).append("\r\n");
    for (const auto& [name, value] : request.headers) {
        if (!is_header_name(name)) return bad_header("'" + name + "' is not a header name");
        if (!is_header_value(value)) {
            return bad_header("the value of header " + name + " holds a control character");
        }
        head.append(name).append(": ").append(value).append("\r\n");
    }
    if (content_length) {
        head.append("content-length: ").append(std::to_string(*content_length)).append("\r\n");
    }
    head.append("\r\n");
    return head;
}

}  // namespace s3client
