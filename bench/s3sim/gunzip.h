// Objects stored in gzip and served decoded, as Google Cloud Storage does to a client that does not
// accept gzip: whole, in chunks, without a length and whatever range was asked for.
// https://cloud.google.com/storage/docs/transcoding
#pragma once

#include <optional>

#include "s3sim/bucket.h"
#include "s3sim/http.h"

namespace s3sim {

bool is_served_decoded(const Request& request, const Object& object);
// The answer made from that for the stored bytes. None if they are no gzip: then they are served as
// they are. Reads the whole object.
std::optional<Response> decoded_response(const Response& stored, const Object& object, bool head);

}  // namespace s3sim
