// The body of POST /archives and POST /plans, read strictly: unknown fields, wrong types, values
// out of range and what later versions will know are refused, each by name. What comes out has
// passed archive::validate().
//
// Errors: those of parse_body() (api_body.h), or one that names a field, whose JSON pointer is
// `key`. Bounded in depth and counts by config/limits.h; the caller bounds the length.
// Needs some 10 times the body's bytes while it runs.
#pragma once

#include <string_view>

#include "archive/request.h"
#include "base/error.h"

namespace s3zipd {

base::Result<archive::ArchiveRequest> parse_archive_request(std::string_view body);
// The same for a body in the journal: an earlier version accepted objects with repeated names, and
// took the last of them.
base::Result<archive::ArchiveRequest> parse_journaled_request(std::string_view body);

}  // namespace s3zipd
