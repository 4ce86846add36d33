// Which version of an object a request means. A version is named by "null", or by an id in the form
// of S3's: 32 letters, digits, dots and underscores.
#pragma once

#include <string_view>

#include "s3sim/bucket.h"
#include "s3sim/http.h"

namespace s3sim {

struct Exchange;

Answered<void> check_version_id(std::string_view version_id, Bucket& bucket);
Answered<void> check_version_parameter(const Exchange& exchange);
// What the request reads: the version it names, or the newest. A delete marker refuses: NoSuchKey,
// or MethodNotAllowed if it was named (always, with `markers_refuse`).
Answered<ObjectRef> find_object(Bucket& bucket, const Request& request,
                                bool markers_refuse = false);
void add_version_header(Response& response, Bucket& bucket, const Object& object,
                        std::string_view name = "x-amz-version-id");

}  // namespace s3sim
