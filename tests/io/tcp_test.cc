#include <gtest/gtest.h>
#include <array>
#include <chrono>
#include <semaphore>
#include <thread>

#include "io/stream.h"
#include "io/task_scope.h"
#include "loopback.h"
#include "on_backends.h"

namespace io {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;

constexpr std::size_t kMiB = 1 << 20;

class TcpTest : public OnBackends {
  protected:
    std::unique_ptr<Stream> connect() {
        return must(reactor.run_until_done(connect_tcp(reactor, listener.address(), {})));
    }

    base::Result<std::size_t> recv(Stream& stream, base::Bytes to, Bounds bounds = {}) {
        return reactor.run_until_done(stream.recv(to, bounds));
    }
    base::Status send(Stream& stream, std::vector<base::ByteView> pieces, Bounds bounds = {}) {
        return reactor.run_until_done(stream.send_all(pieces, bounds));
    }

    Listener listener;
};
ON_BACKENDS(TcpTest);

Bounds idle(base::Duration timeout) {
    Bounds bounds;
    bounds.idle_timeout = timeout;
    return bounds;
}

Bounds until(base::SteadyTime deadline) {
    Bounds bounds;
    bounds.deadline = deadline;
    return bounds;
}

Bounds unless(CancelSource& cancel) {
    Bounds bounds;
    bounds.cancel = &cancel;
    return bounds;
}

TEST_P(TcpTest, SendsAndReceives) {
    auto stream = connect();
    Peer peer = listener.accept();
    ASSERT_TRUE(send(*stream, {base::as_bytes("he"), {}, base::as_bytes("llo")}));
    std::byte buffer[16];
    EXPECT_EQ(peer.read_some(buffer), 5u);
    EXPECT_EQ(base::as_text({buffer, 5}), "hello");
    ASSERT_TRUE(peer.write(base::as_bytes("you")));
    EXPECT_EQ(recv(*stream, buffer).value(), 3u);
    EXPECT_EQ(base::as_text({buffer, 3}), "you");
}

TEST_P(TcpTest, SendingNothingIsDoneAtOnce) {
    auto stream = connect();
    EXPECT_TRUE(send(*stream, {}));
    EXPECT_TRUE(send(*stream, {{}, {}}));
}

TEST_P(TcpTest, ARefusedConnectionNamesTheAddress) {
    const SocketAddress nobody = listener.address();
    listener.close();
    const auto stream = reactor.run_until_done(connect_tcp(reactor, nobody, idle(10s)));
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().kind, ErrorKind::transient);
    EXPECT_NE(stream.error().detail.find(nobody.to_string()), std::string::npos)
        << stream.error().detail;
    EXPECT_NE(stream.error().detail.find("refused"), std::string::npos) << stream.error().detail;
}

TEST_P(TcpTest, WritesAddressesAsPeopleDo) {
    SocketAddress v4, v6;
    auto& in = reinterpret_cast<sockaddr_in&>(v4.storage);
    in = {AF_INET, htons(9000), {htonl(0x0a000001)}, {}};
    EXPECT_EQ(v4.to_string(), "10.0.0.1:9000");
    auto& in6 = reinterpret_cast<sockaddr_in6&>(v6.storage);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(443);
    in6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
    EXPECT_EQ(v6.to_string(), "[::1]:443");
}

// Many pieces, more than any socket buffer holds, to a reader who takes small bites of changing
// size.
TEST_P(TcpTest, SendsAllPiecesInOrderThroughPartialSends) {
    auto stream = connect();
    Peer peer = listener.accept();
    const std::vector<std::byte> bytes = pattern(48 * kMiB);
    std::vector<base::ByteView> pieces;
    base::ByteView rest(bytes);
    while (!rest.empty()) {  // 1,024 pieces from 0 bytes to 2 MiB, the last takes what is left
        const std::size_t wanted =
            (pieces.size() % 3) * 1000 + pieces.size() % 7 + (pieces.size() == 40 ? 2 * kMiB : 0);
        const std::size_t size =
            pieces.size() == Stream::kPiecesMax - 1 ? rest.size() : std::min(rest.size(), wanted);
        pieces.push_back(rest.first(size));
        rest = rest.subspan(size);
    }
    std::vector<std::byte> received;
    std::thread reader([&] {
        std::vector<std::byte> bite(100'000);
        std::size_t size = 1;
        while (const std::size_t n = peer.read_some(base::Bytes(bite).first(size))) {
            received.insert(received.end(), bite.begin(),
                            bite.begin() + static_cast<std::ptrdiff_t>(n));
            size = (size * 31 + 7) % (bite.size() - 1) + 1;
            std::this_thread::yield();
        }
    });
    EXPECT_TRUE(send(*stream, pieces));
    stream.reset();
    reader.join();
    EXPECT_TRUE(received == bytes);
}

TEST_P(TcpTest, ReceivesPartAndThenTheEnd) {
    auto stream = connect();
    Peer peer = listener.accept();
    ASSERT_TRUE(peer.write(base::as_bytes("abcde")));
    peer.close();
    std::byte buffer[3];
    EXPECT_EQ(recv(*stream, buffer).value(), 3u);
    EXPECT_EQ(base::as_text({buffer, 3}), "abc");
    EXPECT_EQ(recv(*stream, buffer).value(), 2u);
    EXPECT_EQ(recv(*stream, buffer).value(), 0u);
    EXPECT_EQ(recv(*stream, buffer).value(), 0u);
}

TEST_P(TcpTest, AResetIsATransientError) {
    auto stream = connect();
    listener.accept().reset();
    std::byte buffer[3];
    const auto got = recv(*stream, buffer, idle(10s));
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().kind, ErrorKind::transient);
    EXPECT_EQ(got.error().code, "io_error");
    const auto sent = send(*stream, {base::as_bytes("x")}, idle(10s));
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().kind, ErrorKind::transient);
}

TEST_P(TcpTest, AResetEndsASendThatWaits) {
    auto stream = connect();
    Peer peer = listener.accept();
    const std::vector<std::byte> bytes(64 * kMiB);
    std::thread resetter([&] {
        std::byte one;
        EXPECT_EQ(peer.read_some({&one, 1}), 1u);
        peer.reset();
    });
    const auto sent = send(*stream, {bytes}, idle(60s));
    resetter.join();
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().code, "io_error");
}

TEST_P(TcpTest, IdleTimeoutWhileReceiving) {
    auto stream = connect();
    Peer peer = listener.accept();
    std::byte buffer[3];
    const auto begin = reactor.now();
    const auto got = recv(*stream, buffer, idle(50ms));
    EXPECT_GE(reactor.now() - begin, 50ms);
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().kind, ErrorKind::transient);
    EXPECT_EQ(got.error().code, "timeout");
    // The connection itself has not suffered.
    ASSERT_TRUE(peer.write(base::as_bytes("abc")));
    EXPECT_EQ(recv(*stream, buffer, idle(10s)).value(), 3u);
}

TEST_P(TcpTest, IdleTimeoutWhileThePeerDoesNotRead) {
    auto stream = connect();
    Peer peer = listener.accept();
    const std::vector<std::byte> bytes(64 * kMiB);
    const auto sent = send(*stream, {bytes}, idle(100ms));
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().code, "timeout");
}

TEST_P(TcpTest, ADeadlineEndsAWait) {
    auto stream = connect();
    Peer peer = listener.accept();
    std::byte buffer[3];
    const auto deadline = reactor.now() + 50ms;
    Bounds bounds = idle(1h);
    bounds.deadline = deadline;
    const auto got = recv(*stream, buffer, bounds);
    EXPECT_GE(reactor.now(), deadline);
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, "timeout");
}

// A peer that always has something to say does not outwit the deadline: there is nothing to wait
// for, ever.
TEST_P(TcpTest, APassedDeadlineEndsWhatNeedNotWait) {
    auto stream = connect();
    Peer peer = listener.accept();
    ASSERT_TRUE(peer.write(base::as_bytes("abc")));
    std::byte buffer[3];
    const auto got = recv(*stream, buffer, until(reactor.now()));
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, "timeout");
    const auto sent = send(*stream, {base::as_bytes("x")}, until(reactor.now()));
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().code, "timeout");
    EXPECT_EQ(recv(*stream, buffer).value(), 3u);
}

TEST_P(TcpTest, CancelledBeforeItBegins) {
    auto stream = connect();
    Peer peer = listener.accept();
    ASSERT_TRUE(peer.write(base::as_bytes("abc")));
    CancelSource cancel;
    cancel.cancel();
    std::byte buffer[3];
    const auto got = recv(*stream, buffer, unless(cancel));
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().kind, ErrorKind::cancelled);
    EXPECT_EQ(send(*stream, {base::as_bytes("x")}, unless(cancel)).error().kind,
              ErrorKind::cancelled);
    const auto again =
        reactor.run_until_done(connect_tcp(reactor, listener.address(), unless(cancel)));
    EXPECT_EQ(again.error().kind, ErrorKind::cancelled);
}

Task<void> recv_into(Stream& stream, base::Bytes buffer, Bounds bounds,
                     base::Result<std::size_t>& got) {
    got = co_await stream.recv(buffer, bounds);
}

Task<void> send_from(Stream& stream, std::vector<base::ByteView> pieces, Bounds bounds,
                     base::Status& sent) {
    sent = co_await stream.send_all(pieces, bounds);
}

// A receive and a send that cannot go on, under one source: cancel() ends both.
TEST_P(TcpTest, CancelEndsAReceiveAndASendInFlight) {
    auto stream = connect();
    Peer peer = listener.accept();
    const std::vector<std::byte> bytes(64 * kMiB);
    std::byte buffer[3];
    base::Result<std::size_t> got = 0;
    base::Status sent;
    run([](Reactor& r, Stream& s, base::ByteView out, base::Bytes in, auto& got_,
           auto& sent_) -> Task<void> {
        CancelSource cancel;
        TaskScope scope(r);
        scope.spawn(recv_into(s, in, unless(cancel), got_));
        scope.spawn(send_from(s, {out}, unless(cancel), sent_));
        co_await let_others_run(r);
        EXPECT_EQ(scope.running(), 2u);
        cancel.cancel();
        co_await scope.join();
    }(reactor, *stream, bytes, buffer, got, sent));
    ASSERT_FALSE(got.has_value());
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(got.error().kind, ErrorKind::cancelled);
    EXPECT_EQ(got.error().code, "cancelled");
    EXPECT_EQ(sent.error().kind, ErrorKind::cancelled);
}

// What was cancelled stays cancelled, also when its timer falls due before the kernel has answered.
TEST_P(TcpTest, CancelledIsNotReportedAsATimeout) {
    auto stream = connect();
    Peer peer = listener.accept();
    std::byte buffer[3];
    base::Result<std::size_t> got = 0;
    run([](Reactor& r, Stream& s, base::Bytes in, auto& out) -> Task<void> {
        CancelSource cancel;
        TaskScope scope(r);
        Bounds bounds = unless(cancel);
        bounds.deadline = r.now() + 300ms;
        scope.spawn(recv_into(s, in, bounds, out));
        co_await let_others_run(r);  // it receives now; the deadline is far, however busy we are
        cancel.cancel();
        while (r.now() <= bounds.deadline) {  // no round of the loop comes between
        }
        co_await scope.join();
    }(reactor, *stream, buffer, got));
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, "cancelled");
}

// Once the await of a cancelled receive has returned, its memory is the caller's again: what the
// peer sends later goes to the next receive, whole.
TEST_P(TcpTest, ACancelledReceiveNeverTouchesItsBufferAgain) {
    auto stream = connect();
    Peer peer = listener.accept();
    for (int round = 0; round < 50; ++round) {
        std::byte old[4] = {std::byte{'o'}, std::byte{'l'}, std::byte{'d'}, std::byte{'!'}};
        std::byte fresh[4] = {};
        base::Result<std::size_t> got = 0;
        run([](Reactor& r, Stream& s, base::Bytes in, auto& out) -> Task<void> {
            CancelSource cancel;
            TaskScope scope(r);
            scope.spawn(recv_into(s, in, unless(cancel), out));
            co_await let_others_run(r);
            cancel.cancel();
            co_await scope.join();
        }(reactor, *stream, old, got));
        ASSERT_FALSE(got.has_value());
        ASSERT_TRUE(peer.write(base::as_bytes("data")));
        ASSERT_EQ(recv(*stream, fresh, idle(10s)).value(), 4u);
        EXPECT_EQ(base::as_text(fresh), "data");
        EXPECT_EQ(base::as_text(old), "old!");
    }
}

// Cancel and arrival race: either the receive has the bytes, or the next one does; none are lost.
TEST_P(TcpTest, NoByteIsLostWhenCancelRacesWithArrival) {
    auto stream = connect();
    Peer peer = listener.accept();
    constexpr int kRounds = 300;
    std::counting_semaphore<kRounds> rounds(0);
    std::thread sender([&] {
        for (int i = 0; i < kRounds; ++i) {
            rounds.acquire();
            const auto byte = pattern_at(static_cast<std::uint64_t>(i));
            EXPECT_TRUE(peer.write({&byte, 1}));
        }
    });
    for (int i = 0; i < kRounds; ++i) {
        std::byte byte{};
        base::Result<std::size_t> got = 0;
        run([](Reactor& r, Stream& s, base::Bytes in, auto& out, auto& go) -> Task<void> {
            CancelSource cancel;
            TaskScope scope(r);
            scope.spawn(recv_into(s, in, unless(cancel), out));
            co_await let_others_run(r);
            go.release();
            co_await r.sleep(base::Duration::zero());
            cancel.cancel();
            co_await scope.join();
        }(reactor, *stream, {&byte, 1}, got, rounds));
        if (!got) got = recv(*stream, {&byte, 1}, idle(60s));
        ASSERT_EQ(got.value(), 1u);
        ASSERT_EQ(byte, pattern_at(static_cast<std::uint64_t>(i)));
    }
    sender.join();
}

TEST_P(TcpTest, IsQuietUntilThePeerSpeaksOrCloses) {
    auto stream = connect();
    auto second = connect();
    Peer peer = listener.accept();
    Peer second_peer = listener.accept();
    EXPECT_TRUE(stream->is_quiet());
    ASSERT_TRUE(peer.write(base::as_bytes("x")));
    std::byte byte;
    EXPECT_FALSE(stream->is_quiet());  // loopback delivers before send(2) returns
    ASSERT_EQ(recv(*stream, {&byte, 1}).value(), 1u);
    EXPECT_TRUE(stream->is_quiet());
    peer.close();
    EXPECT_FALSE(stream->is_quiet());
    second_peer.reset();
    EXPECT_FALSE(second->is_quiet());
}

Task<void> exchange(Reactor& reactor, SocketAddress address, std::uint64_t id, int& done) {
    auto stream = must(co_await connect_tcp(reactor, address, idle(60s)));
    for (std::uint64_t round = 0; round < 20; ++round) {
        const std::vector<std::byte> out = pattern(2000, id * 1000 + round);
        const std::array<base::ByteView, 1> pieces = {base::ByteView(out)};
        must(co_await stream->send_all(pieces, idle(60s)));
        std::vector<std::byte> in(out.size());
        for (std::size_t have = 0; have < in.size();) {
            have += must(co_await stream->recv(base::Bytes(in).subspan(have), idle(60s)));
        }
        EXPECT_TRUE(in == out) << "connection " << id << " round " << round;
    }
    ++done;
}

TEST_P(TcpTest, HundredsOfConnectionsAtOnce) {
    constexpr std::size_t kConnections = 400;
    int done = 0;
    std::thread echo([&] {  // one after the other is enough: what is sent waits in the socket
        std::vector<Peer> peers;
        for (std::size_t i = 0; i < kConnections; ++i) peers.push_back(listener.accept());
        std::vector<std::byte> buffer(2000);
        for (int round = 0; round < 20; ++round) {
            for (Peer& peer : peers) {
                for (std::size_t have = 0; have < buffer.size();) {
                    const std::size_t n = peer.read_some(base::Bytes(buffer).subspan(have));
                    if (n == 0) return;
                    have += n;
                }
                if (!peer.write(buffer)) return;
            }
        }
    });
    run([](Reactor& r, SocketAddress address, int& out) -> Task<void> {
        TaskScope scope(r);
        for (std::size_t i = 0; i < kConnections; ++i) scope.spawn(exchange(r, address, i, out));
        co_await scope.join();
    }(reactor, listener.address(), done));
    echo.join();
    EXPECT_EQ(done, static_cast<int>(kConnections));
}

}  // namespace
}  // namespace io
