// The judge's SigV4: says whether a request is signed as AWS wants it, and refuses with AWS's
// codes. Written apart from our client on purpose; nothing of it is shared. Thread-safe (signing
// keys are cached per thread). Costs some 3 us.
#pragma once

#include <string>

#include "base/clock.h"
#include "s3sim/http.h"

namespace s3sim {

struct Credentials {
    std::string access_key;
    std::string secret_key;
    std::string session_token;  // empty: none is expected
    std::string region;
    int redirect_status = 400;  // what one who signs for another region gets, or 301 or 307
};

// Success carries the payload hash the client signed: 64 hex digits, or "UNSIGNED-PAYLOAD".
Answered<std::string> check_signature(const Request& request, const Credentials& credentials,
                                      base::UtcTime now);

}  // namespace s3sim
