// A request's body as JSON. RFC 8259 leaves open which of two members with one name counts; another
// reader of the same body, such as a proxy that checks it, may choose the other one. So objects
// with a repeated name are refused, at any depth.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace s3zipd {

enum class RepeatedNames : std::uint8_t {
    refuse,
    keep_last,  // bodies in the journal that an earlier version accepted
};

// The value lives in `memory`. Errors, all invalid: "bad_json" with line, column and byte; for
// valid JSON "repeated_field", whose `key` is the pointer of the first repeated member, or
// "too_many" with that of an object of more than config::kJsonNamesMax members. Nesting is bounded
// by config::kJsonDepthMax.
base::Result<boost::json::value> parse_body(std::string_view body, boost::json::storage_ptr memory,
                                            RepeatedNames repeated);

}  // namespace s3zipd
