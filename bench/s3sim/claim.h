// What a request claims about its signature, from the Authorization header or from the query.
// Parsing only; nothing is believed here (auth.cc does that).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "s3sim/http.h"

namespace s3sim {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";

struct Claim {
    bool presigned = false;
    std::string access_key, scope_date, region, service, terminator;
    std::string signed_headers;  // "host;x-amz-date"
    std::string signature;
    std::string amz_date;  // 20130524T000000Z
    std::int64_t expires_seconds = 0;
    std::string payload_hash;
};

Answered<Claim> claim_of_header(const Request& request, std::string_view authorization);
Answered<Claim> claim_of_query(const Request& request);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);  // of spaces and tabs

}  // namespace s3sim
