// Beginning a Call: what all S3 calls have in common. Internal to s3client/.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "s3client/call.h"

namespace s3client {

inline Call make_call(Operation operation, std::string_view method, std::string bucket,
                      std::string key, CallContext context) {
    Call call;
    call.operation = operation;
    call.request.method = method;
    call.bucket = std::move(bucket);
    call.key = std::move(key);
    call.context = context;
    call.has_body = method == "PUT" || method == "POST";
    return call;
}

}  // namespace s3client
