// A URL that somebody gives us to call, read strictly. Plain values, no I/O. What it names is not
// looked up: whether it may be connected to is io::AddressFilter's business.
//
// http or https in lower case; a host, in ASCII (a name, an IPv4 address, an IPv6 address in
// brackets); a port if it is not the scheme's own; path and query as RFC 3986 has them. No user, no
// password, no fragment.
#pragma once

#include <string>
#include <string_view>

#include "s3client/endpoint.h"

namespace s3client {

inline constexpr std::size_t kHttpUrlMax_bytes = 2048;

struct HttpUrl {
    Endpoint endpoint;   // its url() is the origin: no path, no query, so nothing secret
    std::string target;  // path and query as they were given; at least "/"
};
// Errors: invalid "bad_url", which tells nothing of the URL: there may be secrets in it.
base::Result<HttpUrl> parse_http_url(std::string_view url);

}  // namespace s3client
