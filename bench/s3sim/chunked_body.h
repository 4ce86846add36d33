// A body in Transfer-Encoding chunked, as awkward as RFC 9112, 7.1 allows: small chunks of odd
// sizes, then larger ones, sizes with leading zeros, extensions, trailers. A view over another
// body: it holds the framing only. A file is mapped into memory.
#pragma once

#include "s3sim/http.h"

namespace s3sim {

void send_as_body(Response& response);  // moves the text into a Body
void send_chunked(Response& response, bool odd_extensions);

}  // namespace s3sim
