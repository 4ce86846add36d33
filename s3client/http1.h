// ResponseParser: HTTP/1.1 responses as RFC 9112 has them, one connection's worth, one after the
// other.
//
// Feed it what was received. It stops right after the head, so that a body of known length can be
// received straight to its destination; the bytes it did not consume are the body's first. Then
// either
//   - take head().body_length() bytes yourself, or
//   - keep feeding with feed_body() until done(): the only way for a chunked body or one that ends
//   with the connection.
// start() before every request. 1xx answers are skipped. One per connection, on its reactor; a few
// hundred bytes, and only headers allocate. Errors are corrupt "bad_http_response"; the connection
// is then of no further use.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "s3client/response.h"

namespace s3client {

inline constexpr std::size_t kResponseHeadMax_bytes = 64 << 10;  // 1xx heads before it included
inline constexpr std::size_t kResponseHeadersMax = 200;

// Takes a piece of a body; an error ends the parse and is returned from feed_body(). Called only
// within feed_body().
using BodySink = std::function<base::Status(base::ByteView)>;
// Appends to `body`; corrupt "body_too_large" beyond `body_max_bytes`. `body` outlives the sink.
BodySink collect_into(std::string& body, std::size_t body_max_bytes);

class ResponseParser {
  public:
    ResponseParser();
    ~ResponseParser();
    ResponseParser(ResponseParser&&) noexcept;
    ResponseParser& operator=(ResponseParser&&) noexcept;

    // Forgets the last response. head_request: the answer to a HEAD, which has no body whatever its
    // headers say.
    void start(bool head_request);

    // Consumes bytes up to the end of the head and returns how many. REQUIRES !head_done().
    base::Result<std::size_t> feed_head(base::ByteView bytes);
    bool head_done() const;
    // Bytes of the final answer's head have come; those of interim (1xx) answers do not count.
    bool head_begun() const;
    const ResponseHead& head() const;  // REQUIRES head_done()

    // Consumes body bytes up to its end, hands them to the sink, returns how many. REQUIRES
    // head_done() and !done().
    base::Result<std::size_t> feed_body(base::ByteView bytes, const BodySink& sink);
    bool done() const;  // head, and body if it was fed here, are complete

    // The peer closed. Right for a body that ends so; transient "connection_closed" anywhere else.
    base::Status end_of_stream();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace s3client
