// Time. Deadlines use the steady clock; what users and S3 see is UTC from the system clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace base {

using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;
using UtcTime = std::chrono::sys_time<std::chrono::milliseconds>;

// The outside world's clocks behind an interface, so that a simulated one can stand in.
// Thread-safe.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual SteadyTime steady_now() = 0;
    virtual UtcTime utc_now() = 0;
};
Clock& system_clock();

std::string format_rfc3339(UtcTime time);   // 2026-11-20T13:05:02.123Z
std::string format_amz_date(UtcTime time);  // 20261120T130502Z
Result<UtcTime> parse_rfc3339(
    std::string_view text);  // RFC 3339 with any offset; cut to milliseconds
Result<UtcTime> parse_http_date(
    std::string_view text);  // RFC 9110 IMF-fixdate: Fri, 20 Nov 2026 13:05:02 GMT

}  // namespace base
