// One connection's exchanges, with what the peer sends received in pieces cut at every byte.
#include "s3client/connection.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <array>

#include "../io/on_backends.h"

namespace s3client {
namespace {

// Gives what it was told to, never more than one piece at a time, and never waits.
class ScriptedStream final : public io::Stream {
  public:
    explicit ScriptedStream(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

    io::Task<base::Result<std::size_t>> recv(base::Bytes buffer, io::Bounds) override {
        while (at_ < pieces_.size() && pieces_[at_].empty()) ++at_;
        if (at_ == pieces_.size()) co_return std::size_t{0};
        std::string& piece = pieces_[at_];
        const std::size_t n = std::min(piece.size(), buffer.size());
        std::ranges::copy(base::as_bytes(piece).first(n), buffer.begin());
        piece.erase(0, n);
        co_return n;
    }
    io::Task<base::Status> send_all(std::span<const base::ByteView>, io::Bounds) override {
        co_return base::Status{};
    }
    bool is_quiet() override { return true; }
    io::Task<base::Result<bool>> has_unread(io::Bounds) override { co_return false; }

  private:
    std::vector<std::string> pieces_;
    std::size_t at_ = 0;
};

class Receiver final : public BodyReceiver {
  public:
    base::Bytes buffer() override { return base::Bytes(space_).subspan(0, 7); }
    void received(std::size_t n) override { got += base::as_text(base::ByteView(space_).first(n)); }
    std::string got;

  private:
    std::array<std::byte, 7> space_{};
};

struct Exchange {
    std::string body, error;
    bool reusable = false;
    bool operator==(const Exchange&) const = default;
};

// A body of known length goes to a receiver, any other is text.
io::Task<void> exchange(Connection& connection, Exchange& out) {
    (void)co_await connection.send("GET / HTTP/1.1\r\n\r\n", {}, {});
    if (auto head = co_await connection.receive_head(false, {}); !head) {
        out.error = head.error().code;
        co_return;
    }
    if (connection.head().body == BodyKind::length) {
        Receiver receiver;
        auto body = co_await connection.receive_body(receiver, {});
        if (!body) out.error = body.error().code;
        out.body = receiver.got;
    } else {
        auto body = co_await connection.receive_text(100, {});
        if (!body) out.error = body.error().code;
        if (body) out.body = *body;
    }
    out.reusable = connection.reusable();
}

using io::backend_label;
using io::backends_to_test;

class ConnectionTest : public io::OnBackends {
  protected:
    std::vector<Exchange> exchanges(std::vector<std::string> pieces, std::size_t count) {
        Connection connection(std::make_unique<ScriptedStream>(std::move(pieces)));
        std::vector<Exchange> done(count);
        for (Exchange& one : done) run(exchange(connection, one));
        return done;
    }
};
ON_BACKENDS(ConnectionTest);

struct Case {
    const char* name;
    std::string wire;
    std::vector<Exchange> expected;
};

const Case kCases[] = {
    {"one after the other",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 206 Partial\r\nContent-Length: 12\r\n\r\nhello world!"
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\n<a>\r\n4\r\n</a>\r\n0\r\nx: "
     "y\r\n\r\n"
     "HTTP/1.1 204 No Content\r\n\r\n",
     {{"hello world!", "", true}, {"<a></a>", "", true}, {"", "", true}}},
    {"until the peer closes", "HTTP/1.1 200 OK\r\n\r\nall of it", {{"all of it", "", false}}},
    {"a body that is too short",
     "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello",
     {{"hello", "connection_closed", false}}},
    {"chunks that are too short",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
     {{"", "connection_closed", false}}},
    {"the last answer of a connection",
     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
     {{"ok", "", false}}},
    {"no answer", "", {{"", "connection_closed", false}}},
    {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", {{"", "connection_closed", false}}},
};

TEST_P(ConnectionTest, SaysTheSameHoweverItIsCut) {
    for (const Case& c : kCases) {
        std::vector<std::string> bytes;
        for (const char byte : c.wire) bytes.emplace_back(1, byte);
        EXPECT_EQ(exchanges(bytes, c.expected.size()), c.expected) << c.name;
        for (std::size_t n = 0; n <= c.wire.size(); ++n) {
            ASSERT_EQ(exchanges({c.wire.substr(0, n), c.wire.substr(n)}, c.expected.size()),
                      c.expected)
                << c.name << " cut at " << n;
        }
    }
}

}  // namespace
}  // namespace s3client
