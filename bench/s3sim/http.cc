#include "s3sim/http.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <llhttp.h>
#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/encoding.h"

namespace s3sim {
namespace {

struct Parse {
    Request* request;
    const char* url = nullptr;
    std::size_t url_size = 0;
    const char* name = nullptr;
    std::size_t name_size = 0;
    const char* value = nullptr;
    std::size_t value_size = 0;
};

// A span that continues where the last one ended grows; one that does not (a folded header) is
// refused.
int grow(const char*& at, std::size_t& size, const char* data, std::size_t n) {
    if (size == 0) at = data;
    if (at + size != data) return HPE_USER;
    size += n;
    return HPE_OK;
}
Parse& parse_of(llhttp_t* parser) { return *static_cast<Parse*>(parser->data); }

int on_url(llhttp_t* p, const char* data, std::size_t n) {
    return grow(parse_of(p).url, parse_of(p).url_size, data, n);
}
int on_name(llhttp_t* p, const char* data, std::size_t n) {
    return grow(parse_of(p).name, parse_of(p).name_size, data, n);
}
int on_value(llhttp_t* p, const char* data, std::size_t n) {
    return grow(parse_of(p).value, parse_of(p).value_size, data, n);
}

int on_value_complete(llhttp_t* p) {
    Parse& parse = parse_of(p);
    std::string name(parse.name, parse.name_size);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    std::string_view value = parse.value_size == 0
                                 ? std::string_view()
                                 : std::string_view(parse.value, parse.value_size);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    parse.request->headers.emplace_back(std::move(name), value);
    parse.name_size = parse.value_size = 0;
    return HPE_OK;
}

int on_headers_complete(llhttp_t* p) {
    Request& request = *parse_of(p).request;
    if ((p->flags & F_CONTENT_LENGTH) != 0) request.content_length = p->content_length;
    request.chunked = (p->flags & F_TRANSFER_ENCODING) != 0;
    request.keep_alive = llhttp_should_keep_alive(p) != 0;
    return HPE_PAUSED;
}

const llhttp_settings_t& settings() {
    static const llhttp_settings_t made = [] {
        llhttp_settings_t s;
        llhttp_settings_init(&s);
        s.on_url = on_url;
        s.on_header_field = on_name;
        s.on_header_value = on_value;
        s.on_header_value_complete = on_value_complete;
        s.on_headers_complete = on_headers_complete;
        return s;
    }();
    return made;
}

bool split_query(std::string_view raw, std::vector<std::pair<std::string, std::string>>& query) {
    while (!raw.empty()) {
        const auto end = std::min(raw.find('&'), raw.size());
        const std::string_view item = raw.substr(0, end);
        raw.remove_prefix(std::min(end + 1, raw.size()));
        if (item.empty()) continue;
        const auto equals = std::min(item.find('='), item.size());
        auto name = base::percent_decode(item.substr(0, equals), true);
        auto value = base::percent_decode(item.substr(std::min(equals + 1, item.size())), true);
        if (!name || !value) return false;
        query.emplace_back(std::move(*name), std::move(*value));
    }
    return true;
}

// "photos.s3.localhost:9000" and "photos.localhost" name a bucket; "s3.localhost", "localhost" and
// addresses do not.
std::string_view bucket_of_host(std::string_view host) {
    host = host.substr(0, host.rfind(':'));
    for (const std::string_view suffix : {".s3.localhost", ".localhost"}) {
        if (host.ends_with(suffix)) {
            host.remove_suffix(suffix.size());
            return host == "s3" ? std::string_view() : host;
        }
    }
    return {};
}

std::string_view reason(int status) {
    switch (status) {
        case 200: return "OK";
        case 204: return "No Content";
        case 206: return "Partial Content";
        case 301: return "Moved Permanently";
        case 304: return "Not Modified";
        case 307: return "Temporary Redirect";
        case 400: return "Bad Request";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 409: return "Conflict";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 416: return "Requested Range Not Satisfiable";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 503: return "Slow Down";
        case 507: return "Insufficient Storage";
        default: return "Status";
    }
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
    for (const auto& [key_name, value] : headers) {
        if (key_name == name) return value;
    }
    return {};
}
bool Request::has_header(std::string_view name) const {
    return std::ranges::any_of(headers, [&](const auto& header) { return header.first == name; });
}
const std::string* Request::parameter(std::string_view name) const {
    for (const auto& [key_name, value] : query) {
        if (key_name == name) return &value;
    }
    return nullptr;
}
std::string Request::parameter_or(std::string_view name, std::string_view otherwise) const {
    const std::string* value = parameter(name);
    return value != nullptr ? *value : std::string(otherwise);
}

bool parse_head(std::string_view head, Request& request) {
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings());
    Parse parse{&request};
    parser.data = &parse;
    if (llhttp_execute(&parser, head.data(), head.size()) != HPE_PAUSED) return false;
    if (parser.http_major != 1 || parser.http_minor > 1) return false;
    request.method = llhttp_method_name(static_cast<llhttp_method_t>(parser.method));
    const std::string_view target(parse.url, parse.url_size);
    if (!target.starts_with('/')) return false;
    const auto question = std::min(target.find('?'), target.size());
    request.raw_path = target.substr(0, question);
    request.raw_query = target.substr(std::min(question + 1, target.size()));
    request.expect_continue = request.header("expect") == "100-continue";
    return true;
}

bool resolve_target(Request& request) {
    auto path = base::percent_decode(request.raw_path);
    if (!path || !split_query(request.raw_query, request.query)) return false;
    request.path = std::move(*path);
    std::string_view rest = std::string_view(request.path).substr(1);
    const std::string_view bucket = bucket_of_host(request.header("host"));
    if (!bucket.empty()) {
        request.bucket = bucket;
        request.key = rest;
        request.virtual_host = true;
        return true;
    }
    const auto slash = std::min(rest.find('/'), rest.size());
    request.bucket = rest.substr(0, slash);
    request.key = rest.substr(std::min(slash + 1, rest.size()));
    return true;
}

Response xml_response(std::string xml, int status) {
    Response response;
    response.status = status;
    response.text = std::move(xml);
    response.add("Content-Type", "application/xml");
    return response;
}

std::string format_http_date(base::UtcTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    thread_local std::int64_t last = -1;
    thread_local std::string text;
    if (seconds != last) {
        text = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                           fmt::gmtime(static_cast<std::time_t>(seconds)));
        last = seconds;
    }
    return text;
}

std::string serialize_head(const Response& response, std::string_view request_id,
                           base::UtcTime now) {
    std::string head = response.interim;
    head.reserve(512 + response.interim.size() + response.raw_headers.size());
    fmt::format_to(std::back_inserter(head),
                   "HTTP/1.1 {} {}\r\nDate: {}\r\nServer: s3sim\r\nx-amz-request-id: {}\r\n"
                   "x-amz-id-2: s3sim/{}\r\n",
                   response.status, reason(response.status),
                   format_http_date(now + response.date_shift), request_id, request_id);
    for (const auto& [name, value] : response.headers)
        head.append(name).append(": ").append(value).append("\r\n");
    head += response.raw_headers;
    if (response.chunked) {
        head += "Transfer-Encoding: chunked\r\nTrailer: X-S3sim-Trailer, x-empty\r\n";
    } else if (response.status != 204 && response.status != 304 && !response.no_length) {
        fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n",
                       response.head_length.value_or(response.body_size()));
    }
    if (response.close) head += "Connection: close\r\n";
    head += "\r\n";
    return head;
}

}  // namespace s3sim
