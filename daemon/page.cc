#include "daemon/page.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "daemon/problem.h"

namespace s3zipd {
namespace {

// https://www.w3.org/TR/CSP3/. Inline styles are forbidden too: what a script sets on an element's
// style is not one.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kHeaders = {{
    {"Content-Security-Policy", kPolicy},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},  // to be asked for again, and mostly answered with 304
}};

std::string_view media_type(std::string_view name) {
    if (name.ends_with(".html")) return "text/html; charset=utf-8";
    if (name.ends_with(".css")) return "text/css; charset=utf-8";
    if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
    return "image/svg+xml";
}

// Of https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match. Ours are found by their text: they
// are of one length, and a weak W/ before one does not matter here.
bool has(std::string_view if_none_match, std::string_view etag) {
    return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

HttpResponse page_response(std::string_view name, std::string_view if_none_match) {
    const auto file = std::ranges::find(kPageFiles, name, &PageFile::name);
    if (file == kPageFiles.end())
        return to_response(make_problem("no-such-resource", "the page has no such file"));
    HttpResponse response;
    response.headers.assign(kHeaders.begin(), kHeaders.end());
    response.headers.emplace_back("ETag", file->etag);
    if (has(if_none_match, file->etag)) {
        response.status = 304;
        response.content_type.clear();
        return response;
    }
    response.content_type = media_type(name);
    response.body = file->text();
    return response;
}

}  // namespace s3zipd
