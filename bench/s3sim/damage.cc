#include "s3sim/damage.h"

#include <fmt/format.h>
#include <algorithm>

#include "s3sim/chunked_body.h"

namespace s3sim {
namespace {

using namespace std::string_view_literals;

// Lines that no parser should take for headers: no colon, a name with a blank, a NUL in a value.
constexpr std::string_view kGarbage =
    "!!! this is no header\r\nx bad name: 1\r\n"
    "x-nul: a\0b\r\n\x01\x02\x03\xff\r\n"sv;  // the NUL is part of it
// Lines that are headers, though nobody sends them: no value, bytes above 127, odd case, twice,
// long runs of blanks, every character that a name may have.
constexpr std::string_view kOdd =
    "x-empty:\r\nX-oBs-TeXt: \xe9\xff\x80\r\nx-twice: 1\r\nX-TWICE: 2\r\n"
    "x-blanks: \t    a \t  b     \r\n!#$%&'*+-.^_`|~09AZaz: \"quoted\\\" text\"\r\n"
    "x-looks-like: Content-Length: 7\r\n";

// The same form, another value: each hex digit becomes the next one.
std::string other_etag(std::string_view etag) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string other(etag);
    for (char& c : other) {
        if (c == '-') break;  // the number of parts stays
        if (const auto at = kHex.find(c); at != std::string_view::npos) c = kHex[(at + 1) % 16];
    }
    return other;
}

// The first base64 digit is six whole bits of the value.
std::string other_checksum(std::string_view checksum) {
    std::string other(checksum);
    if (!other.empty()) other.front() = other.front() == 'A' ? 'B' : 'A';
    return other;
}

// Replaces the text of all elements of that name.
void change_elements(std::string& xml, std::string_view name, auto change) {
    const std::string open = fmt::format("<{}>", name);
    const std::string close = fmt::format("</{}>", name);
    for (auto at = xml.find(open); at != std::string::npos; at = xml.find(open, at)) {
        at += open.size();
        const auto end = xml.find(close, at);
        if (end == std::string::npos) return;
        const std::string text = change(std::string_view(xml).substr(at, end - at));
        xml.replace(at, end - at, text);
        at += text.size();
    }
}

void change_etags(Response& response) {
    for (auto& [name, value] : response.headers) {
        if (name == "ETag") value = other_etag(value);
    }
    change_elements(response.text, "ETag", other_etag);
}

void change_checksums(Response& response) {
    for (auto& [name, value] : response.headers) {
        if (name == "x-amz-checksum-crc32" || name == "x-amz-checksum-sha256")
            value = other_checksum(value);
    }
    change_elements(response.text, "ChecksumCRC32", other_checksum);
    change_elements(response.text, "ChecksumSHA256", other_checksum);
}

bool is_xml(const Response& response) {
    return std::ranges::any_of(response.headers, [](const auto& header) {
        return header.first == "Content-Type" && header.second == "application/xml";
    });
}

std::string interim_answers(const Fault& fault) {
    std::string text;
    if (fault.code == "hints") {
        const std::string_view hints =
            "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
        return fmt::format("{0}{0}", hints);
    }
    for (std::uint64_t i = 0; i < fault.number; ++i) {
        text += "HTTP/1.1 100 Continue\r\n";
        if (fault.code == "length") text += "Content-Length: 17\r\n";  // of a body that never comes
        text += "\r\n";
    }
    return text;
}

}  // namespace

Refusal wrong_region(int status, std::string_view region, std::string_view claimed,
                     const Request& request) {
    Refusal refusal;
    refusal.status = status;
    if (status == 400) {
        refusal.code = "AuthorizationHeaderMalformed";
        refusal.message = fmt::format(
            "The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
            claimed, region);
    } else {
        refusal.code = status == 307 ? "TemporaryRedirect" : "PermanentRedirect";
        refusal.message =
            "The bucket is in another region. Send this request, and those to come, to its "
            "endpoint, signed for its region.";
        // All regions of the simulator have one address: whoever follows comes back here.
        const std::string host(request.header("host"));
        refusal.extra = {{"Endpoint", host}, {"Bucket", request.bucket}};
        if (status == 307) {
            refusal.headers.emplace_back(
                "Location", fmt::format("http://{}{}{}{}", host, request.raw_path,
                                        request.raw_query.empty() ? "" : "?", request.raw_query));
        }
    }
    refusal.extra.emplace_back("Region", region);
    refusal.headers.emplace_back("x-amz-bucket-region", region);
    return refusal;
}

std::optional<Refusal> refusal_of(const Fault& fault, const Request& request, base::UtcTime now) {
    switch (fault.kind) {
        case FaultKind::status: {
            std::string code = fault.code;
            if (code.empty()) {
                switch (fault.number) {
                    case 403: code = "AccessDenied"; break;
                    case 404: code = "NoSuchKey"; break;
                    case 409: code = "ConditionalRequestConflict"; break;
                    case 412: code = "PreconditionFailed"; break;
                    case 503: code = "SlowDown"; break;
                    default: code = "InternalError"; break;
                }
            }
            Refusal refusal = known_refusal(code);
            refusal.status = static_cast<int>(fault.number);
            return refusal;
        }
        case FaultKind::expired_token: {
            Refusal refusal = known_refusal("ExpiredToken");
            refusal.status = static_cast<int>(fault.number);
            return refusal;
        }
        case FaultKind::redirect:
            return wrong_region(static_cast<int>(fault.number), fault.code, "", request);
        case FaultKind::skew: {
            Refusal refusal = known_refusal("RequestTimeTooSkewed");
            const auto there = now + std::chrono::seconds(fault.seconds);
            refusal.extra = {{"RequestTime", std::string(request.header("x-amz-date"))},
                             {"ServerTime", base::format_rfc3339(there)},
                             {"MaxAllowedSkewMilliseconds", "900000"}};
            return refusal;
        }
        case FaultKind::changed: {
            Refusal refusal = known_refusal("PreconditionFailed");
            refusal.extra = {{"Condition", request.has_header("x-amz-copy-source")
                                               ? "x-amz-copy-source-If-Match"
                                               : "If-Match"}};
            return refusal;
        }
        default: return std::nullopt;
    }
}

void damage(const Fault& fault, const Request& request, Response& response) {
    const bool has_body =
        request.method != "HEAD" && response.status != 204 && response.status != 304;
    switch (fault.kind) {
        case FaultKind::truncate_xml:
            if (is_xml(response)) response.text.resize(response.text.size() / 2);
            return;
        case FaultKind::wrong_etag: return change_etags(response);
        case FaultKind::wrong_checksum: return change_checksums(response);
        case FaultKind::skew: response.date_shift = std::chrono::seconds(fault.seconds); return;
        case FaultKind::garbage_headers:
            response.raw_headers = fault.code == "odd" ? kOdd : kGarbage;
            return;
        case FaultKind::long_headers:
            response.raw_headers = "x-amz-meta-long: " + std::string(fault.number, 'x') + "\r\n";
            return;
        case FaultKind::interim: response.interim = interim_answers(fault); return;
        case FaultKind::chunked:
            if (has_body) send_chunked(response, fault.code == "odd");
            return;
        case FaultKind::drip:  // so that also a document trickles, not only an object
            if (has_body && !response.body) send_as_body(response);
            return;
        default: return;
    }
}

}  // namespace s3sim
