// What a fault does to an answer that is otherwise right, and the answers that are faults
// themselves. How a connection misbehaves (resets, stalls, short bodies) is connection.cc's.
#pragma once

#include <optional>
#include <string_view>

#include "s3sim/faults.h"
#include "s3sim/http.h"

namespace s3sim {

// The refusal that the fault stands for, if it is one of those.
std::optional<Refusal> refusal_of(const Fault& fault, const Request& request, base::UtcTime now);
// S3's answer to one that comes to the wrong region: status 301, 307 or 400.
Refusal wrong_region(int status, std::string_view region, std::string_view claimed,
                     const Request& request);
void damage(const Fault& fault, const Request& request, Response& response);

}  // namespace s3sim
