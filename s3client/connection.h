// One HTTP/1.1 connection and the exchanges on it, one after the other.
//
// Used by one task at a time on its reactor. Request bodies go out of the caller's memory; response
// bodies of known length come straight into it through a BodyReceiver, but for the first bytes,
// which arrive with the head. After an error the connection is of no further use: reusable() says
// so.
//
// An answer belongs to exactly one request. An answer that arrives before its request was sent, one
// that arrives twice, and bytes behind the end of an answer make the connection unusable, and the
// outcome of its request doubtful: errors corrupt "doubtful_answer".
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

    // Sends a head and a body. A peer may refuse a request early and close: receive_head() may
    // succeed after send() failed. Errors: those of io::Stream; corrupt "doubtful_answer" if a
    // final answer began before the last kHeldBack_bytes of the body were sent.
    static constexpr std::size_t kHeldBack_bytes = 16 << 10;
    io::Task<base::Status> send(std::string head, std::span<const base::ByteView> body,
                                io::Bounds bounds);
    // Errors: denied "proxy_refused" for 407 of the proxy, beside those of the stream and parser.
    io::Task<base::Status> receive_head(bool head_request, io::Bounds bounds);
    const ResponseHead& head() const { return parser_.head(); }
    // The answer has the x-amz-request-id of the answer before it: it is the same one once more.
    // Valid after receive_head().
    bool is_repeated() const { return repeated_; }

    // The whole body of a response whose length is known and has been checked by the caller.
    io::Task<base::Status> receive_body(BodyReceiver& receiver, io::Bounds bounds);
    // Any body, as text of at most `size_max` bytes.
    io::Task<base::Result<std::string>> receive_text(std::size_t size_max, io::Bounds bounds);

    // Call it once the whole answer has been received. Errors: corrupt "doubtful_answer" if more
    // bytes follow. `look`: also ask the kernel, at the price of a system call.
    enum class Look : std::uint8_t { received_only, kernel };
    io::Task<base::Status> check_end(Look look, io::Bounds bounds);

    // The last exchange is complete, in both directions, nothing follows it, and the peer keeps the
    // connection.
    bool reusable() const {
        return sent_ && complete_ && begin_ == end_ && !doubtful_ && parser_.head().keep_alive;
    }
    bool is_quiet() { return begin_ == end_ && stream_->is_quiet(); }

  private:
    io::Task<base::Status> fill(io::Bounds bounds);
    io::Task<base::Status> send_pieces(std::span<const base::ByteView> pieces, io::Bounds bounds);
    io::Task<base::Status> look_for_early_answer(io::Bounds bounds);
    void note_request_id();
    base::ByteView pending() const { return base::ByteView(inbox_).subspan(begin_, end_ - begin_); }

    std::unique_ptr<io::Stream> stream_;
    const std::optional<AbsoluteForm> form_;
    ResponseParser parser_;
    std::vector<std::byte> inbox_;  // what was received and not yet consumed: [begin_, end_)
    std::size_t begin_ = 0, end_ = 0;
    bool sent_ = false;      // the whole request went out
    bool complete_ = false;  // the whole answer came in
    bool fed_ = false;       // the parser has bytes of the answer from before receive_head()
    bool doubtful_ = false;  // no answer on it can be trusted any more
    bool repeated_ = false;
    bool stray_chunk_ = false;  // an empty chunk may follow the answer to a HEAD, as from Swift
    std::string request_id_;    // of the last answer
};

}  // namespace s3client
