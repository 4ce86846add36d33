// The judge's SigV4: says whether a request is signed as AWS wants it, and refuses with AWS's
// codes. Written apart from our client on purpose; nothing of it is shared. Thread-safe (signing
// keys are cached per thread). Costs some 3 us.
#pragma once

#include <string>

#include "base/clock.h"
#include "s3sim/checksum.h"
#include "s3sim/http.h"

namespace s3sim {

struct Credentials {
    std::string access_key;
    std::string secret_key;
    std::string session_token;  // empty: none is expected
    std::string region;
    std::string region_alias{};  // taken too; empty: none
    int redirect_status = 400;   // what one who signs for another region gets, or 301 or 307
};

// What a right signature leaves for the check of the body.
struct Signed {
    std::string payload_hash;  // 64 hex digits, "UNSIGNED-PAYLOAD" or one of "STREAMING-..."
    std::string signature;     // of the request: the first chunk's is made from it
    std::string amz_date, scope;
    Sha256 key{};
};

Answered<Signed> check_signature(const Request& request, const Credentials& credentials,
                                 base::UtcTime now);

}  // namespace s3sim
