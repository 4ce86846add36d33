// What the listing operations share: page sizes, how keys are written, where the next page starts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "s3sim/http.h"

namespace s3sim {

inline constexpr std::uint64_t kPageMax = 1000;

Answered<std::uint64_t> page_size(const Request& request, std::string_view name);

// Keys as they are, or after encoding-type=url as S3 writes them then: a space as '+'; '/' and '*'
// stay, '~' does not.
struct KeyEncoder {
    bool url = false;
    std::string operator()(std::string_view key) const;
};
Answered<KeyEncoder> key_encoder(const Request& request);

// The first string after all that start with `prefix`; empty if there is none.
std::string after_prefix(std::string prefix);

}  // namespace s3sim
