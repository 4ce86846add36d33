// One HTTP/1.1 request as plain data, and its bytes on the wire. What the signer signs is what
// encode_request_head() sends: both take the path as it stands and the query from encode_query().
//
// Header names are lower case. `host` is not among `headers`: it is signed and sent as the Host
// header. Content-Length is not signed and is given when the head is encoded. Not thread-safe; copy
// it freely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace s3client {

// Nothing but visible ASCII: what may stand in the request line, in Host, and as a key or id in a
// header.
bool is_visible(std::string_view text);

using NameValue = std::pair<std::string, std::string>;

struct HttpRequest {
    std::string method = "GET";
    std::string host;              // with ":port" unless it is the scheme's default
    std::string path = "/";        // percent-encoded, begins with '/'
    std::vector<NameValue> query;  // not encoded; {"uploads", ""} for a bare sub-resource
    std::vector<NameValue> headers;

    void set_header(std::string_view name, std::string value);  // replaces, or adds at the end
    const std::string* find_header(std::string_view name) const;
};

// "a=1&prefix=x%20y&uploads=": each name and value encoded, sorted by encoded name, then value
// (SigV4's canonical query).
std::string encode_query(const std::vector<NameValue>& query);

// path, and '?' and the query if there is one.
std::string encode_target(const HttpRequest& request);

// The request line and all headers, ready to send. content_length: none for requests without a body
// (GET, HEAD, DELETE); 0 must be said for an empty PUT or POST. Errors: invalid "bad_header" if a
// name, a value, the host or the path holds a byte that could end its line or field (user metadata
// comes through here).
base::Result<std::string> encode_request_head(const HttpRequest& request,
                                              std::optional<std::uint64_t> content_length);

}  // namespace s3client
