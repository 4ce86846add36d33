// HTTP/1.1 requests in, responses out. The head is parsed by llhttp in one go, once all of it has
// arrived; bodies are moved by the connection. A Request's views point into the connection's head
// buffer.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "s3sim/body.h"
#include "s3sim/errors.h"

namespace s3sim {

inline constexpr std::size_t kHeadSizeMax = 16 << 10;

struct Request {
    std::string_view method;
    std::string_view raw_path;   // as sent, before '?'
    std::string_view raw_query;  // as sent, after '?'
    std::vector<std::pair<std::string, std::string_view>>
        headers;  // names in lower case, values trimmed
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool keep_alive = true;
    bool expect_continue = false;

    std::string path;                                        // decoded
    std::vector<std::pair<std::string, std::string>> query;  // decoded
    std::string bucket;                                      // empty: the service itself
    std::string key;                                         // empty: the bucket itself
    bool virtual_host = false;                               // the host names the bucket

    std::string_view header(std::string_view name) const;  // "" if absent
    bool has_header(std::string_view name) const;
    const std::string* parameter(std::string_view name) const;
    std::string parameter_or(std::string_view name, std::string_view otherwise) const;
    std::uint64_t body_size() const { return content_length.value_or(0); }
};

// Parses one whole head (ending in an empty line). False: not HTTP/1.1 as we take it.
bool parse_head(std::string_view head, Request& request);
// Fills path, query, bucket and key from the target and Host. False: bad percent-encoding.
bool resolve_target(Request& request);

struct Response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string text;                  // the body, if it is not an object's
    std::shared_ptr<const Body> body;  // else [offset, offset + length) of this
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::optional<std::uint64_t> head_length;  // answer to HEAD: Content-Length without a body
    bool close = false;
    // Faults: answers before this one, header lines as they are, how far Date is off.
    std::string interim;
    std::string raw_headers;
    std::chrono::seconds date_shift{0};
    bool chunked = false;    // body is framed already
    bool no_length = false;  // answer to HEAD: without Content-Length
    std::string request_id;  // of the request that this answers, if that is an earlier one

    void add(std::string_view name, std::string_view value) { headers.emplace_back(name, value); }
    std::uint64_t body_size() const { return body ? length : text.size(); }
};

Response xml_response(std::string xml, int status = 200);
std::string serialize_head(const Response& response, std::string_view request_id,
                           base::UtcTime now);
std::string format_http_date(base::UtcTime time);

}  // namespace s3sim
