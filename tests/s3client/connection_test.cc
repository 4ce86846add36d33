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
    io::Task<base::Result<bool>> has_unread(io::Bounds) override {
        co_return unread > 0 && unread-- > 0;
    }
    int unread = 0;  // so many times bytes have come before they are received

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
        // Here each answer is followed by the next at once, which makes a connection unusable (see
        // BytesBehindAnAnswer): only after the last one it shows whether it can be used again.
        for (std::size_t i = 0; i + 1 < count; ++i) done[i].reusable = true;
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

TEST_P(ConnectionTest, BytesBehindAnAnswerMakeItUnusable) {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (const std::string more : {"", "x", "\r\n", "HTTP/1.1 200 OK\r\n"}) {
        Connection connection(
            std::make_unique<ScriptedStream>(std::vector<std::string>{answer + more}));
        Exchange one;
        run(exchange(connection, one));
        EXPECT_EQ(one.body, "ok");
        EXPECT_EQ(one.reusable, more.empty());
        const auto ended =
            reactor.run_until_done(connection.check_end(Connection::Look::received_only, {}));
        EXPECT_EQ(ended.has_value(), more.empty());
        if (!ended) EXPECT_EQ(ended.error().code, "doubtful_answer");
    }
}

// A final answer that begins before the end of the body; an interim one may.
TEST_P(ConnectionTest, AnAnswerBeforeTheWholeRequestIsDoubtful) {
    const std::string body(100, 'b');
    const std::array<base::ByteView, 1> pieces = {base::as_bytes(body)};
    for (const bool early : {true, false}) {
        auto stream = std::make_unique<ScriptedStream>(
            std::vector<std::string>{early ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                           : "HTTP/1.1 100 Continue\r\n\r\n",
                                     early ? "" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
        stream->unread = 1;
        Connection connection(std::move(stream));
        const auto sent =
            reactor.run_until_done(connection.send("PUT / HTTP/1.1\r\n\r\n", pieces, {}));
        EXPECT_EQ(sent.has_value(), !early);
        if (!sent) EXPECT_EQ(sent.error().code, "doubtful_answer");
        ASSERT_TRUE(reactor.run_until_done(connection.receive_head(false, {})));
        EXPECT_EQ(connection.head().status, 200);
        EXPECT_EQ(connection.reusable(), !early);
    }
}

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

struct HeadCase {
    std::string wire;
    std::string error;
    bool reusable;
};

io::Task<void> head_exchange(Connection& connection, HeadCase& out) {
    (void)co_await connection.send("HEAD / HTTP/1.1\r\n\r\n", {}, {});
    auto head = co_await connection.receive_head(true, {});
    CHECK(head.has_value());
    auto end = co_await connection.check_end(Connection::Look::received_only, {});
    out.error = end ? "" : end.error().code;
    out.reusable = connection.reusable();
}

// Swift answers a HEAD of a missing object with Transfer-Encoding: chunked and the last chunk.
TEST_P(ConnectionTest, OnlyAnEmptyChunkMayFollowTheAnswerToAHead) {
    const std::string chunked = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string plain = "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n";
    const HeadCase cases[] = {
        {plain, "", true},
        {chunked, "", false},
        {chunked + "0\r\n\r\n", "", false},
        {chunked + "0\r\n", "", false},
        {chunked + "0\r\n\r\nH", "doubtful_answer", false},
        {chunked + "1\r\na\r\n0\r\n\r\n", "doubtful_answer", false},
        {chunked + "HTTP/1.1 200 OK\r\n\r\n", "doubtful_answer", false},
        {plain + "0\r\n\r\n", "doubtful_answer", false},
    };
    for (const HeadCase& c : cases) {
        Connection connection(std::make_unique<ScriptedStream>(std::vector{c.wire}));
        HeadCase found;
        run(head_exchange(connection, found));
        EXPECT_EQ(found.error, c.error) << c.wire;
        EXPECT_EQ(found.reusable, c.reusable) << c.wire;
    }
}

}  // namespace
}  // namespace s3client
