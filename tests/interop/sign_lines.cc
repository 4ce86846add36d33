// Signs what it is told, at the time it is told: our signer for a judge in another language
// (signatures.py). Reads lines of fields "name=value" apart by spaces, both percent-encoded; prints
// a line for each:
//
//   how=presign   the URL
//   how=sign      the target and the authorization
//
// url= addressing= bucket= key=           where to; no url: AWS in the region
// method= region= access= secret= token= time=2026-11-20T10:00:00Z
// expires=                                of how=presign, in seconds
// payload=                                of how=sign: its bytes, or "-" for unsigned
// q.NAME= h.NAME=                         query parameters and headers, repeatable
//
// Ends with 1 at the first line that cannot be signed, and says why.
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "s3client/endpoint.h"
#include "s3client/sigv4.h"

namespace {

using base::Result;
using s3client::HttpRequest;

struct Line {
    std::map<std::string, std::string> fields;
    std::vector<s3client::NameValue> query, headers;
};

Result<Line> parse(const std::string& text) {
    Line line;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::size_t middle = text.find('=', at);
        if (middle >= end)
            return base::fail(base::ErrorKind::invalid, "bad_field", text.substr(at));
        auto name = base::percent_decode(text.substr(at, middle - at));
        auto value = base::percent_decode(text.substr(middle + 1, end - middle - 1));
        if (!name) return std::unexpected(name.error());
        if (!value) return std::unexpected(value.error());
        if (name->starts_with("q.")) {
            line.query.emplace_back(name->substr(2), *std::move(value));
        } else if (name->starts_with("h.")) {
            line.headers.emplace_back(name->substr(2), *std::move(value));
        } else {
            line.fields[*name] = *std::move(value);
        }
        at = end + 1;
    }
    return line;
}

s3client::PayloadHash payload_of(const std::string& text) {
    if (text == "-") return s3client::PayloadHash::unsigned_payload();
    if (text.empty()) return s3client::PayloadHash::empty();
    return s3client::PayloadHash::of(base::as_bytes(text));
}

Result<std::string> sign(s3client::Signer& signer, Line line) {
    auto& fields = line.fields;
    const auto endpoint = fields["url"].empty() ? s3client::endpoint_of_region(fields["region"])
                                                : s3client::parse_endpoint(fields["url"]);
    if (!endpoint) return std::unexpected(endpoint.error());
    const auto addressing = s3client::parse_addressing(fields["addressing"]);
    if (!addressing) return std::unexpected(addressing.error());
    const auto target = s3client::resolve(*endpoint, *addressing, fields["bucket"], fields["key"]);
    if (!target) return std::unexpected(target.error());
    const auto now = base::parse_rfc3339(fields["time"]);
    if (!now) return base::fail(base::ErrorKind::invalid, "bad_time", fields["time"]);
    HttpRequest request{fields["method"], target->host_header, target->path, std::move(line.query),
                        std::move(line.headers)};
    const s3client::Credentials keys{fields["access"], fields["secret"], fields["token"], {}};
    if (fields["how"] == "presign") {
        return signer.presign(std::move(request), endpoint->scheme(), keys, fields["region"],
                              std::stoull(fields["expires"]), *now);
    }
    signer.sign(request, payload_of(fields["payload"]), keys, fields["region"], *now);
    return s3client::encode_target(request) + ' ' + *request.find_header("authorization");
}

}  // namespace

int main() {
    s3client::Signer signer;
    for (std::string text; std::getline(std::cin, text);) {
        auto line = parse(text);
        const auto out = line ? sign(signer, *std::move(line)) : std::unexpected(line.error());
        if (!out) {
            std::fprintf(stderr, "%s: %s\n", text.c_str(), out.error().to_string().c_str());
            return 1;
        }
        std::puts(out->c_str());
    }
    return 0;
}
