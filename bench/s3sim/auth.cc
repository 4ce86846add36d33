#include "s3sim/auth.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "s3sim/aws_chunked.h"
#include "s3sim/claim.h"
#include "s3sim/damage.h"

namespace s3sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kSkewMax = 15min;

std::string encode(std::string_view text, bool keep_slash) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~' ||
                           (c == '/' && keep_slash);
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
    return out;
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
    const std::chrono::year_month_day day{std::chrono::year(n[0]),
                                          std::chrono::month(unsigned(n[1])),
                                          std::chrono::day(unsigned(n[2]))};
    if (!day.ok() || n[3] > 23 || n[4] > 59 || n[5] > 60) return std::nullopt;
    return std::chrono::sys_days(day) + std::chrono::hours(n[3]) + std::chrono::minutes(n[4]) +
           std::chrono::seconds(n[5]);
}

std::string canonical_query(std::string_view raw_query) {
    std::vector<std::pair<std::string, std::string>> items;
    Request decoded;
    decoded.raw_path = "/";
    decoded.raw_query = raw_query;
    resolve_target(decoded);  // has succeeded before, or we would not be here
    for (const auto& [name, value] : decoded.query) {
        if (name != "X-Amz-Signature")
            items.emplace_back(encode(name, false), encode(value, false));
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
    for (const std::string_view name : split(claim.signed_headers, ';'))
        text += canonical_header(request, name);
    text.append("\n").append(claim.signed_headers).append("\n").append(claim.payload_hash);
    return text;
}

const Sha256& signing_key(const Credentials& credentials, const std::string& date,
                          const std::string& region) {
    thread_local std::string known;
    thread_local Sha256 key;
    const std::string wanted = fmt::format("{}\n{}\n{}", credentials.secret_key, date, region);
    if (wanted != known) {
        Sha256 step = hmac_sha256(base::as_bytes("AWS4" + credentials.secret_key), date);
        step = hmac_sha256(step, region);
        step = hmac_sha256(step, "s3");
        key = hmac_sha256(step, "aws4_request");
        known = wanted;
    }
    return key;
}

Answered<void> check_scope(const Request& request, const Claim& claim,
                           const Credentials& credentials) {
    const std::string_view code =
        claim.presigned ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed";
    if (claim.access_key != credentials.access_key) {
        return refuse("InvalidAccessKeyId", {{"AWSAccessKeyId", claim.access_key}});
    }
    if (claim.region != credentials.region &&
        (claim.region != credentials.region_alias || claim.region.empty())) {
        Refusal wrong =
            wrong_region(credentials.redirect_status, credentials.region, claim.region, request);
        if (wrong.status == 400) wrong.code = code;
        return std::unexpected(std::move(wrong));
    }
    if (claim.service != "s3" || claim.terminator != "aws4_request") {
        return refuse(400, code, "The credential scope must end in s3/aws4_request.");
    }
    if (claim.amz_date.substr(0, 8) != claim.scope_date) {
        return refuse(400, code,
                      "Invalid credential date: it must be the same as the request's date.");
    }
    return {};
}

Answered<void> check_time(const Claim& claim, base::UtcTime now) {
    const auto then = parse_amz_date(claim.amz_date);
    if (!then)
        return refuse(403, "AccessDenied", "x-amz-date must be of the form 20130524T000000Z");
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
    const auto is_signed = [&](std::string_view name) {
        return std::ranges::binary_search(names, name);
    };
    std::string missing;
    if (!is_signed("host")) missing = "host";
    for (const auto& [name, value] : request.headers) {
        if (name.starts_with("x-amz-") && !is_signed(name))
            missing += (missing.empty() ? "" : ", ") + name;
    }
    if (!missing.empty()) {
        return refuse(403, "AccessDenied",
                      "There were headers present in the request which were not signed",
                      {{"HeadersNotSigned", missing}});
    }
    return {};
}

Answered<void> check_payload_hash(const std::string& hash) {
    if (is_aws_chunked(hash)) return {};
    const bool is_hex = hash.size() == 64 && std::ranges::all_of(hash, [](char c) {
                            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                        });
    if (!is_hex && hash != kUnsigned) {
        return refuse(
            400, "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER] or a valid sha256 value.",
            {{"ArgumentName", "x-amz-content-sha256"}, {"ArgumentValue", hash}});
    }
    return {};
}

}  // namespace

Answered<Signed> check_signature(const Request& request, const Credentials& credentials,
                                 base::UtcTime now) {
    const std::string_view authorization = request.header("authorization");
    const bool presigned = request.parameter("X-Amz-Signature") != nullptr ||
                           request.parameter("X-Amz-Algorithm") != nullptr;
    if (authorization.empty() && !presigned) return refuse("AccessDenied");
    if (!authorization.empty() && presigned) {
        return refuse(400, "InvalidArgument",
                      "Only one auth mechanism allowed; only the X-Amz-Algorithm query "
                      "parameter or the Authorization header should be specified");
    }
    auto claim = presigned ? claim_of_query(request) : claim_of_header(request, authorization);
    if (!claim) return std::unexpected(claim.error());
    if (auto ok = check_scope(request, *claim, credentials); !ok)
        return std::unexpected(ok.error());
    if (auto ok = check_time(*claim, now); !ok) return std::unexpected(ok.error());
    if (auto ok = check_signed_headers(request, *claim); !ok) return std::unexpected(ok.error());
    if (auto ok = check_payload_hash(claim->payload_hash); !ok) return std::unexpected(ok.error());

    const std::string canonical = canonical_request(request, *claim);
    const std::string to_sign =
        fmt::format("{}\n{}\n{}/{}/s3/aws4_request\n{}", kAlgorithm, claim->amz_date,
                    claim->scope_date, claim->region, hex(sha256(canonical)));
    if (hex(hmac_sha256(signing_key(credentials, claim->scope_date, claim->region), to_sign)) !=
        claim->signature) {
        return refuse("SignatureDoesNotMatch", {{"AWSAccessKeyId", claim->access_key},
                                                {"StringToSign", to_sign},
                                                {"SignatureProvided", claim->signature},
                                                {"CanonicalRequest", canonical}});
    }
    const std::string token = presigned ? request.parameter_or("X-Amz-Security-Token", "")
                                        : std::string(request.header("x-amz-security-token"));
    if (token != credentials.session_token) return refuse("InvalidToken");
    return Signed{claim->payload_hash, claim->signature, claim->amz_date,
                  fmt::format("{}/{}/s3/aws4_request", claim->scope_date, claim->region),
                  signing_key(credentials, claim->scope_date, claim->region)};
}

}  // namespace s3sim
