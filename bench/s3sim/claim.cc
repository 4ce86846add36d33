#include "s3sim/claim.h"

#include "s3sim/numbers.h"

namespace s3sim {
namespace {

constexpr std::uint64_t kExpiresMaxSeconds = 604'800;

bool parse_scope(std::string_view credential, Claim& claim) {
    // The access key may hold slashes, the scope behind it has exactly four fields.
    const auto pieces = split(credential, '/');
    if (pieces.size() < 5) return false;
    const auto scope = pieces.end() - 4;
    claim.access_key =
        credential.substr(0, static_cast<std::size_t>(scope[0].data() - credential.data() - 1));
    claim.scope_date = scope[0];
    claim.region = scope[1];
    claim.service = scope[2];
    claim.terminator = scope[3];
    return true;
}

}  // namespace

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

Answered<Claim> claim_of_header(const Request& request, std::string_view authorization) {
    Claim claim;
    if (!authorization.starts_with(kAlgorithm)) {
        return refuse(400, "InvalidRequest",
                      "The authorization mechanism you have provided is not supported. Please use "
                      "AWS4-HMAC-SHA256.");
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
                      "The authorization header is malformed; it needs Credential, SignedHeaders "
                      "and Signature.");
    }
    claim.amz_date = request.header("x-amz-date");
    if (claim.amz_date.empty()) {
        return refuse(403, "AccessDenied",
                      "AWS authentication requires a valid Date or x-amz-date header");
    }
    claim.payload_hash = request.header("x-amz-content-sha256");
    if (claim.payload_hash.empty()) {
        return refuse(400, "InvalidRequest",
                      "Missing required header for this request: x-amz-content-sha256");
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
    const auto seconds = parse_number(expires);
    if (!seconds) return bad("X-Amz-Expires should be a number");
    if (*seconds > kExpiresMaxSeconds) {
        return bad("X-Amz-Expires must be less than a week (in seconds); that is 604800 seconds");
    }
    claim.expires_seconds = static_cast<std::int64_t>(*seconds);
    if (claim.signed_headers.empty() || claim.signature.size() != 64) {
        return bad(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
    }
    const std::string_view sent_hash = request.header("x-amz-content-sha256");
    claim.payload_hash = sent_hash.empty() ? kUnsigned : sent_hash;
    return claim;
}

}  // namespace s3sim
