// The body of POST /archives and POST /plans, read strictly: unknown fields, wrong types, values
// out of range and what later versions will know are refused, each by name. What comes out has
// passed archive::validate().
//
// Errors: code `bad_json` (not JSON: `detail` says where) or one that names a field (`key` is its
// JSON pointer). Bounded in depth and counts by config/limits.h; the caller bounds the length.
// Needs some 10 times the body's bytes while it runs.
#pragma once

#include <string_view>

#include "archive/request.h"
#include "base/error.h"

namespace s3zipd {

base::Result<archive::ArchiveRequest> parse_archive_request(std::string_view body);

}  // namespace s3zipd
