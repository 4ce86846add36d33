#include "s3sim/auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "s3sim/checksum.h"

namespace s3sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";
constexpr auto kSkewMax = 15min;
constexpr std::int64_t kExpiresMaxSeconds = 604'800;

// What a request claims, from the Authorization header or from the query.
struct Claim {
    bool presigned = false;
    std::string access_key, scope_date, region, service, terminator;
    std::string signed_headers;  // "host;x-amz-date"
    std::string signature;
    std::string amz_date;        // 20130524T000000Z
    std::int64_t expires_seconds = 0;
    std::string payload_hash;
};

std::string encode(std::string_view text, bool keep_slash) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slash);
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    while (true) {
        const auto at = text.find(separator);
        pieces.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return pieces;
        text.remove_prefix(at + 1);
    }
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool parse_scope(std::string_view credential, Claim& claim) {
    // The access key may hold slashes, the scope behind it has exactly four fields.
    const auto pieces = split(credential, '/');
    if (pieces.size() < 5) return false;
    const auto scope = pieces.end() - 4;
    claim.access_key = credential.substr(0, static_cast<std::size_t>(scope[0].data() - credential.data() - 1));
    claim.scope_date = scope[0];
    claim.region = scope[1];
    claim.service = scope[2];
    claim.terminator = scope[3];
    return true;
}

std::optional<base::UtcTime> parse_amz_date(std::string_view text) {
    int n[6] = {};
    constexpr int kAt[6] = {0, 4, 6, 9, 11, 13};
    constexpr int kSize[6] = {4, 2, 2, 2, 2, 2};
    if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
    for (int i = 0; i < 6; ++i) {
        const char* at = text.data() + kAt[i];
        if (std::from_chars(at, at + kSize[i], n[i]).ptr != at + kSize[i]) return std::nullopt;
    }
    const std::chrono::year_month_day day{std::chrono::year(n[0]), std::chrono::month(unsigned(n[1])),
                                          std::chrono::day(unsigned(n[2]))};
    if (!day.ok() || n[3] > 23 || n[4] > 59 || n[5] > 60) return std::nullopt;
    return std::chrono::sys_days(day) + std::chrono::hours(n[3]) + std::chrono::minutes(n[4]) +
           std::chrono::seconds(n[5]);
}

Answered<Claim> claim_of_header(const Request& request, std::string_view authorization) {
    Claim claim;
    if (!authorization.starts_with(kAlgorithm)) {
        return refuse(400, "InvalidRequest",
                      "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
    }
    bool scoped = false;
    for (const std::string_view piece : split(authorization.substr(kAlgorithm.size()), ',')) {
        const std::string_view field = trim(piece);
        if (field.starts_with("Credential=")) scoped = parse_scope(field.substr(11), claim);
        if (field.starts_with("SignedHeaders=")) claim.signed_headers = field.substr(14);
        if (field.starts_with("Signature=")) claim.signature = field.substr(10);
    }
    if (!scoped || claim.signed_headers.empty() || claim.signature.size() != 64) {
        return refuse(400, "AuthorizationHeaderMalformed",
                      "The authorization header is malformed; it needs Credential, SignedHeaders and Signature.");
    }
    claim.amz_date = request.header("x-amz-date");
    if (claim.amz_date.empty()) {
        return refuse(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
    }
    claim.payload_hash = request.header("x-amz-content-sha256");
    if (claim.payload_hash.empty()) {
        return refuse(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
    }
    return claim;
}

Answered<Claim> claim_of_query(const Request& request) {
    Claim claim;
    claim.presigned = true;
    const auto bad = [](std::string message) {
        return refuse(400, "AuthorizationQueryParametersError", std::move(message));
    };
    if (request.parameter_or("X-Amz-Algorithm", "") != kAlgorithm) {
        return bad("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    }
    if (!parse_scope(request.parameter_or("X-Amz-Credential", ""), claim)) {
        return bad("Error parsing the X-Amz-Credential parameter");
    }
    claim.signed_headers = request.parameter_or("X-Amz-SignedHeaders", "");
    claim.signature = request.parameter_or("X-Amz-Signature", "");
    claim.amz_date = request.parameter_or("X-Amz-Date", "");
    const std::string expires = request.parameter_or("X-Amz-Expires", "");
    const auto parsed = std::from_chars(expires.data(), expires.data() + expires.size(), claim.expires_seconds);
    if (expires.empty() || parsed.ptr != expires.data() + expires.size() || claim.expires_seconds < 0) {
        return bad("X-Amz-Expires should be a number");
    }
    if (claim.expires_seconds > kExpiresMaxSeconds) {
        return bad("X-Amz-Expires must be less than a week (in seconds); that is 604800 seconds");
    }
    if (claim.signed_headers.empty() || claim.signature.size() != 64) {
        return bad("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                   "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
    }
    const std::string_view sent_hash = request.header("x-amz-content-sha256");
    claim.payload_hash = sent_hash.empty() ? kUnsigned : sent_hash;
    return claim;
}

std::string canonical_query(std::string_view raw_query) {
    std::vector<std::pair<std::string, std::string>> items;
    Request decoded;
    decoded.raw_path = "/";
    decoded.raw_query = raw_query;
    resolve_target(decoded);  // has succeeded before, or we would not be here
    for (const auto& [name, value] : decoded.query) {
        if (name != "X-Amz-Signature") items.emplace_back(encode(name, false), encode(value, false));
    }
    std::ranges::sort(items);
    std::string out;
    for (const auto& [name, value] : items) {
        if (!out.empty()) out += '&';
        out.append(name).append("=").append(value);
    }
    return out;
}

// Lower-case name, values of equal names joined by commas, runs of spaces folded to one.
std::string canonical_header(const Request& request, std::string_view name) {
    std::string line(name);
    line += ':';
    bool first = true;
    for (const auto& [header, value] : request.headers) {
        if (header != name) continue;
        if (!first) line += ',';
        first = false;
        char last = ' ';
        for (const char c : trim(value)) {
            if (c != ' ' || last != ' ') line += c;
            last = c;
        }
    }
    line += '\n';
    return line;
}

std::string canonical_request(const Request& request, const Claim& claim) {
    std::string text = fmt::format("{}\n{}\n{}\n", request.method, encode(request.path, true),
                                   canonical_query(request.raw_query));
    for (const std::string_view name : split(claim.signed_headers, ';')) text += canonical_header(request, name);
    text.append("\n").append(claim.signed_headers).append("\n").append(claim.payload_hash);
    return text;
}

const Sha256& signing_key(const Credentials& credentials, const std::string& date) {
    thread_local std::string known;
    thread_local Sha256 key;
    const std::string wanted = fmt::format("{}\n{}\n{}", credentials.secret_key, date, credentials.region);
    if (wanted != known) {
        Sha256 step = hmac_sha256(base::as_bytes("AWS4" + credentials.secret_key), date);
        step = hmac_sha256(step, credentials.region);
        step = hmac_sha256(step, "s3");
        key = hmac_sha256(step, "aws4_request");
        known = wanted;
    }
    return key;
}

Answered<void> check_scope(const Claim& claim, const Credentials& credentials) {
    const std::string_view code =
        claim.presigned ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed";
    if (claim.access_key != credentials.access_key) {
        return refuse("InvalidAccessKeyId", {{"AWSAccessKeyId", claim.access_key}});
    }
    if (claim.region != credentials.region) {
        return refuse(400, code,
                      fmt::format("The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
                                  claim.region, credentials.region),
                      {{"Region", credentials.region}});
    }
    if (claim.service != "s3" || claim.terminator != "aws4_request") {
        return refuse(400, code, "The credential scope must end in s3/aws4_request.");
    }
    if (claim.amz_date.substr(0, 8) != claim.scope_date) {
        return refuse(400, code, "Invalid credential date: it must be the same as the request's date.");
    }
    return {};
}

Answered<void> check_time(const Claim& claim, base::UtcTime now) {
    const auto then = parse_amz_date(claim.amz_date);
    if (!then) return refuse(403, "AccessDenied", "x-amz-date must be of the form 20130524T000000Z");
    if (claim.presigned) {
        const auto end = *then + std::chrono::seconds(claim.expires_seconds);
        if (now > end) {
            return refuse(403, "AccessDenied", "Request has expired",
                          {{"X-Amz-Expires", std::to_string(claim.expires_seconds)},
                           {"Expires", base::format_rfc3339(end)},
                           {"ServerTime", base::format_rfc3339(now)}});
        }
        if (*then > now + kSkewMax) return refuse(403, "AccessDenied", "Request is not yet valid");
        return {};
    }
    if (*then > now + kSkewMax || now > *then + kSkewMax) {
        return refuse("RequestTimeTooSkewed", {{"RequestTime", claim.amz_date},
                                               {"ServerTime", base::format_rfc3339(now)},
                                               {"MaxAllowedSkewMilliseconds", "900000"}});
    }
    return {};
}

// Host and every x-amz-* header that was sent must be among the signed ones, which must be sorted.
Answered<void> check_signed_headers(const Request& request, const Claim& claim) {
    const auto names = split(claim.signed_headers, ';');
    if (!std::ranges::is_sorted(names)) {
        return refuse(400, "AuthorizationHeaderMalformed", "SignedHeaders must be sorted.");
    }
    const auto is_signed = [&](std::string_view name) { return std::ranges::binary_search(names, name); };
    std::string missing;
    if (!is_signed("host")) missing = "host";
    for (const auto& [name, value] : request.headers) {
        if (name.starts_with("x-amz-") && !is_signed(name)) missing += (missing.empty() ? "" : ", ") + name;
    }
    if (!missing.empty()) {
        return refuse(403, "AccessDenied", "There were headers present in the request which were not signed",
                      {{"HeadersNotSigned", missing}});
    }
    return {};
}

Answered<void> check_payload_hash(const std::string& hash) {
    if (hash.starts_with("STREAMING-")) {
        return refuse(501, "NotImplemented", "The simulator does not take aws-chunked bodies.",
                      {{"Header", "x-amz-content-sha256"}});
    }
    const bool is_hex = hash.size() == 64 && std::ranges::all_of(hash, [](char c) {
                            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                        });
    if (!is_hex && hash != kUnsigned) {
        return refuse(400, "InvalidArgument",
                      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, or a valid sha256 value.",
                      {{"ArgumentName", "x-amz-content-sha256"}, {"ArgumentValue", hash}});
    }
    return {};
}

}  // namespace

Answered<std::string> check_signature(const Request& request, const Credentials& credentials,
                                      base::UtcTime now) {
    const std::string_view authorization = request.header("authorization");
    const bool presigned = request.parameter("X-Amz-Signature") != nullptr ||
                           request.parameter("X-Amz-Algorithm") != nullptr;
    if (authorization.empty() && !presigned) return refuse("AccessDenied");
    if (!authorization.empty() && presigned) {
        return refuse(400, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query "
                                              "parameter or the Authorization header should be specified");
    }
    auto claim = presigned ? claim_of_query(request) : claim_of_header(request, authorization);
    if (!claim) return std::unexpected(claim.error());
    if (auto ok = check_scope(*claim, credentials); !ok) return std::unexpected(ok.error());
    if (auto ok = check_time(*claim, now); !ok) return std::unexpected(ok.error());
    if (auto ok = check_signed_headers(request, *claim); !ok) return std::unexpected(ok.error());
    if (auto ok = check_payload_hash(claim->payload_hash); !ok) return std::unexpected(ok.error());

    const std::string canonical = canonical_request(request, *claim);
    const std::string to_sign =
        fmt::format("{}\n{}\n{}/{}/s3/aws4_request\n{}", kAlgorithm, claim->amz_date, claim->scope_date,
                    claim->region, hex(sha256(canonical)));
    if (hex(hmac_sha256(signing_key(credentials, claim->scope_date), to_sign)) != claim->signature) {
        return refuse("SignatureDoesNotMatch", {{"AWSAccessKeyId", claim->access_key},
                                                {"StringToSign", to_sign},
                                                {"SignatureProvided", claim->signature},
                                                {"CanonicalRequest", canonical}});
    }
    const std::string token = presigned ? request.parameter_or("X-Amz-Security-Token", "")
                                        : std::string(request.header("x-amz-security-token"));
    if (token != credentials.session_token) return refuse("InvalidToken");
    return std::move(claim->payload_hash);
}

}  // namespace s3sim
