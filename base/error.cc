#include "base/error.h"

#include <fmt/format.h>

namespace base {

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::transient: return "transient";
        case ErrorKind::throttled: return "throttled";
        case ErrorKind::not_found: return "not_found";
        case ErrorKind::denied: return "denied";
        case ErrorKind::precondition: return "precondition";
        case ErrorKind::invalid: return "invalid";
        case ErrorKind::corrupt: return "corrupt";
        case ErrorKind::cancelled: return "cancelled";
        case ErrorKind::exhausted: return "exhausted";
        case ErrorKind::bug: return "bug";
    }
    return "bug";
}

std::string Error::to_string() const {
    std::string text = fmt::format("{}: {}", code, detail);
    if (http_status != 0 && !request_id.empty()) {
        text += fmt::format(" (HTTP {}, request {})", http_status, request_id);
    } else if (http_status != 0) {
        text += fmt::format(" (HTTP {})", http_status);
    }
    return text;
}

}  // namespace base
