// One HTTP/1.1 connection and the exchanges on it, one after the other.
//
// Used by one task at a time on its reactor. Request bodies go out of the caller's memory; response
// bodies of known length come straight into it through a BodyReceiver, but for the first bytes,
// which arrive with the head. After an error the connection is of no further use: reusable() says
// so.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/stream.h"
#include "s3client/http1.h"

namespace s3client {

// Where the bytes of a body go, in order. buffer() is not empty while bytes are due; received(n)
// says that the first n bytes of it are there. Both are called on the reactor's thread and do not
// block.
class BodyReceiver {
  public:
    virtual ~BodyReceiver() = default;
    virtual base::Bytes buffer() = 0;
    virtual void received(std::size_t n) = 0;
};

// How plain HTTP goes through a proxy: with the origin in the request line.
// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
struct AbsoluteForm {
    std::string origin;         // "http://s3.example:9000"
    std::string authorization;  // value of Proxy-Authorization; empty: none
    std::string proxy;          // its host:port
};

class Connection {
  public:
    // form: of a connection that ends at a proxy, which passes requests on.
    explicit Connection(std::unique_ptr<io::Stream> stream,
                        std::optional<AbsoluteForm> form = std::nullopt);

    // Sends a head and a body. A peer may answer early and close: receive_head() may succeed after
    // send() failed.
    io::Task<base::Status> send(std::string head, std::span<const base::ByteView> body,
                                io::Bounds bounds);
    // Errors: denied "proxy_refused" for 407 of the proxy, beside those of the stream and parser.
    io::Task<base::Status> receive_head(bool head_request, io::Bounds bounds);
    const ResponseHead& head() const { return parser_.head(); }

    // The whole body of a response whose length is known and has been checked by the caller.
    io::Task<base::Status> receive_body(BodyReceiver& receiver, io::Bounds bounds);
    // Any body, as text of at most `size_max` bytes.
    io::Task<base::Result<std::string>> receive_text(std::size_t size_max, io::Bounds bounds);

    // The last exchange is complete, in both directions, and the peer keeps the connection.
    bool reusable() const { return sent_ && complete_ && parser_.head().keep_alive; }
    bool is_quiet() { return begin_ == end_ && stream_->is_quiet(); }

  private:
    io::Task<base::Status> fill(io::Bounds bounds);
    base::ByteView pending() const { return base::ByteView(inbox_).subspan(begin_, end_ - begin_); }

    std::unique_ptr<io::Stream> stream_;
    const std::optional<AbsoluteForm> form_;
    ResponseParser parser_;
    std::vector<std::byte> inbox_;  // what was received and not yet consumed: [begin_, end_)
    std::size_t begin_ = 0, end_ = 0;
    bool sent_ = false;      // the whole request went out
    bool complete_ = false;  // the whole answer came in
};

}  // namespace s3client
