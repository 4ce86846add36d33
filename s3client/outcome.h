// What a failed answer means: the one table from S3 error codes and HTTP statuses to kinds of error
// and advice.
//
// Pure functions, thread-safe. Codes are S3's own
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), those of compatible
// stores, and our own words for what goes wrong on the way. A code decides before a status does.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "s3client/operation.h"
#include "s3client/response.h"

namespace s3client {

// The <Error> document of S3.
struct ErrorBody {
    std::string code, message, request_id, host_id, region, resource, key;
    std::vector<std::pair<std::string, std::string>>
        extra;  // other elements: Condition, PartNumber, ...
};

struct Advice {
    bool retry = false;           // RetryPolicy may send it again
    bool throttle = false;        // and the whole client should slow down
    bool new_connection = false;  // do not reuse the one it came from
    bool malformed = false;       // the peer speaks no S3: few attempts, no patience
    // Things to mend before sending it once more. Each at most once a request; RetryPolicy knows
    // nothing of them.
    bool refresh_clock = false;  // learn the offset from the answer's Date header
    bool refresh_credentials = false;
    bool redirect_region = false;  // sign for and send to redirect_region()
};

struct Outcome {
    base::ErrorKind kind = base::ErrorKind::bug;
    Advice advice;
};

// code may be empty (HEAD answers have no body); status 0: there was no answer.
Outcome classify(int http_status, std::string_view code);
Advice advise(const base::Error& error);
// The answer was not the one to our request, as far as can be told: another connection may give the
// right one at once.
bool is_mismatch(const base::Error& error);

// What a request was about, for texts. Views: used within the call only.
struct RequestContext {
    Operation operation;
    std::string_view bucket;
    std::string_view key;  // empty: the bucket
};

// The error for an answer that is not what was hoped for: a status of failure, or a 200 whose body
// is an <Error>. `detail` names operation, bucket and key; texts of the peer are cut to a sane
// length.
base::Error to_error(const RequestContext& context, const ResponseHead& head,
                     const ErrorBody& body);

// The region S3 wants instead: x-amz-bucket-region, else <Region>; empty if neither says.
std::string redirect_region(const ResponseHead& head, const ErrorBody& body);

}  // namespace s3client
