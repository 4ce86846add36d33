#include "io/tls.h"

#include <gtest/gtest.h>
#include <array>
#include <csignal>
#include <thread>

#include "io/task_scope.h"
#include "on_backends.h"
#include "tls_peer.h"

namespace io {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;

constexpr std::size_t kMiB = 1 << 20;
constexpr std::array kVersions = {TLS1_2_VERSION, TLS1_3_VERSION};

// What no test should ever reach; a hung peer fails instead of hanging.
Bounds patient() {
    Bounds bounds;
    bounds.idle_timeout = 60s;
    return bounds;
}

Task<base::Result<std::unique_ptr<Stream>>> connect_tls(Reactor& reactor, SocketAddress address,
                                                        std::shared_ptr<TlsContext> context,
                                                        std::string host, Bounds bounds) {
    auto transport = must(co_await connect_tcp(reactor, address, bounds));
    co_return co_await start_tls(std::move(context), std::move(transport), std::move(host), bounds);
}

class TlsTest : public OnBackends {
  protected:
    static void SetUpTestSuite() { ::signal(SIGPIPE, SIG_IGN); }  // OpenSSL's sockets raise it

    base::Result<std::unique_ptr<Stream>> connect(const std::string& host,
                                                  const std::string& ca_bundle,
                                                  Bounds bounds = patient()) {
        return reactor.run_until_done(connect_tls(
            reactor, listener.address(), must(TlsContext::create(ca_bundle)), host, bounds));
    }
    std::unique_ptr<Stream> connect() { return must(connect("localhost", ca.pem_file())); }

    // A server in a thread of its own: handshake, then `script`.
    template <typename Script>
    std::thread serve(const Identity& identity, int version, Script script) {
        return std::thread([this, &identity, version, script] {
            TlsPeer peer(listener.accept(), identity, version);
            if (peer.handshake()) script(peer);
        });
    }

    base::Result<std::size_t> recv(Stream& stream, base::Bytes to) {
        return reactor.run_until_done(stream.recv(to, patient()));
    }
    base::Status send(Stream& stream, std::vector<base::ByteView> pieces) {
        return reactor.run_until_done(stream.send_all(pieces, patient()));
    }
    base::Result<std::vector<std::byte>> recv_exactly(Stream& stream, std::size_t size) {
        std::vector<std::byte> bytes(size);
        for (std::size_t have = 0; have < size;) {
            auto got = recv(stream, base::Bytes(bytes).subspan(have));
            if (!got) return std::unexpected(got.error());
            if (*got == 0) bytes.resize(size = have);
            have += *got;
        }
        return bytes;
    }

    TestCa ca;
    const Identity local = ca.issue("DNS:localhost,IP:127.0.0.1");
    Listener listener;
};
ON_BACKENDS(TlsTest);

TEST_P(TlsTest, TalksToAServerItCanVerify) {
    for (const int version : kVersions) {
        for (const char* host : {"localhost", "127.0.0.1"}) {
            std::thread server = serve(local, version, [](TlsPeer& peer) {
                const auto question = peer.read_exactly(5);
                EXPECT_EQ(base::as_text(question), "hello");
                EXPECT_TRUE(peer.write(base::as_bytes("world")));
            });
            auto stream = must(connect(host, ca.pem_file()));
            ASSERT_TRUE(send(*stream, {base::as_bytes("he"), {}, base::as_bytes("llo")}));
            EXPECT_EQ(base::as_text(must(recv_exactly(*stream, 5))), "world");
            server.join();
        }
    }
}

TEST_P(TlsTest, SendsTheHostNameButNeverAnAddress) {
    std::string seen[2];
    for (int i = 0; i < 2; ++i) {
        std::thread server = serve(local, TLS1_3_VERSION, [&seen, i](TlsPeer& peer) {
            const char* name = SSL_get_servername(peer.ssl(), TLSEXT_NAMETYPE_host_name);
            seen[i] = name == nullptr ? "(none)" : name;
        });
        EXPECT_TRUE(connect(i == 0 ? "localhost" : "127.0.0.1", ca.pem_file()));
        server.join();
    }
    EXPECT_EQ(seen[0], "localhost");
    EXPECT_EQ(seen[1], "(none)");
}

TEST_P(TlsTest, RefusesACertificateItCannotTrust) {
    const TestCa other("somebody else's CA");
    const Identity expired = ca.issue("DNS:localhost", -1);
    const Identity elsewhere = ca.issue("DNS:example.org,DNS:localhost.example.org,IP:127.0.0.2");
    struct Case {
        const Identity& identity;
        const char* host;
        const std::string& bundle;
        const char* says;
    };
    const Case cases[] = {{elsewhere, "localhost", ca.pem_file(), "ostname mismatch"},
                          {elsewhere, "127.0.0.1", ca.pem_file(), "IP address mismatch"},
                          {local, "localhost", other.pem_file(), "issuer"},
                          {expired, "localhost", ca.pem_file(), "expired"}};
    for (const int version : kVersions) {
        for (const Case& c : cases) {
            std::thread server =
                serve(c.identity, version, [](TlsPeer& peer) { peer.read_exactly(1); });
            const auto stream = connect(c.host, c.bundle);
            server.join();
            ASSERT_FALSE(stream.has_value()) << c.says;
            EXPECT_EQ(stream.error().code, "tls_certificate");
            EXPECT_EQ(stream.error().kind, ErrorKind::denied);
            EXPECT_NE(stream.error().detail.find(c.host), std::string::npos)
                << stream.error().detail;
            EXPECT_NE(stream.error().detail.find(c.says), std::string::npos)
                << stream.error().detail;
        }
    }
}

// The peer is gone before our alert reaches it: what counts is still why we refused.
TEST_P(TlsTest, ABadCertificateIsToldAlsoWhenTheAlertCannotBeSent) {
    const TestCa other("somebody else's CA");
    Bounds bounds = patient();
    CancelSource cancel;
    bounds.cancel = &cancel;
    class CutTransport final : public Stream {
      public:
        CutTransport(std::unique_ptr<Stream> inner, CancelSource& cut)
            : inner_(std::move(inner)), cut_(cut) {}
        Task<base::Result<std::size_t>> recv(base::Bytes to, Bounds b) override {
            return inner_->recv(to, b);
        }
        Task<base::Status> send_all(std::span<const base::ByteView> pieces, Bounds b) override {
            if (sent_++ > 0) cut_.cancel();  // the ClientHello passes, nothing after it
            return inner_->send_all(pieces, b);
        }
        bool is_quiet() override { return inner_->is_quiet(); }
        Task<base::Result<bool>> has_unread(Bounds b) override { return inner_->has_unread(b); }

      private:
        std::unique_ptr<Stream> inner_;
        CancelSource& cut_;
        int sent_ = 0;
    };
    std::thread server = serve(local, TLS1_3_VERSION, [](TlsPeer&) {});
    auto transport = must(reactor.run_until_done(connect_tcp(reactor, listener.address(), bounds)));
    const auto stream = reactor.run_until_done(start_tls(
        must(TlsContext::create(other.pem_file())),
        std::make_unique<CutTransport>(std::move(transport), cancel), "localhost", bounds));
    server.join();
    EXPECT_TRUE(cancel.cancelled());
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().code, "tls_certificate") << stream.error().to_string();
}

TEST_P(TlsTest, AHandshakeWithSomethingElseFails) {
    for (const char* answer : {"HTTP/1.1 400 Bad Request\r\n\r\n", ""}) {
        std::thread server([&] {
            Peer peer = listener.accept();
            std::byte hello[4096];
            EXPECT_GT(peer.read_some(hello), 0u);
            peer.write(base::as_bytes(answer));
        });
        const auto stream = connect("localhost", ca.pem_file());
        server.join();
        ASSERT_FALSE(stream.has_value());
        EXPECT_EQ(stream.error().code, "tls_error");
        EXPECT_EQ(stream.error().kind, ErrorKind::transient);
        EXPECT_NE(stream.error().detail.find("localhost"), std::string::npos);
    }
}

TEST_P(TlsTest, AHandshakeThatGetsNoAnswerTimesOut) {
    Bounds bounds;
    bounds.idle_timeout = 50ms;
    const auto stream = connect("localhost", ca.pem_file(), bounds);
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().code, "timeout");
}

TEST_P(TlsTest, ACaBundleThatCannotBeReadIsNamed) {
    const auto context = TlsContext::create("/nonexistent/ca.pem");
    ASSERT_FALSE(context.has_value());
    EXPECT_EQ(context.error().kind, ErrorKind::invalid);
    EXPECT_NE(context.error().detail.find("/nonexistent/ca.pem"), std::string::npos);
}

TEST_P(TlsTest, FiftyMegabytesOneWayThenTheOther) {
    constexpr std::size_t kBytes = 50 * kMiB;
    const std::vector<std::byte> bytes = pattern(kBytes);
    for (const int version : kVersions) {
        std::thread server = serve(local, version, [&bytes](TlsPeer& peer) {
            EXPECT_TRUE(peer.read_exactly(kBytes) == bytes);
            EXPECT_TRUE(peer.write(bytes));
        });
        auto stream = connect();
        const base::ByteView all(bytes);
        ASSERT_TRUE(send(*stream, {all.first(1), all.subspan(1, 20'000), all.subspan(20'001)}));
        EXPECT_TRUE(must(recv_exactly(*stream, kBytes)) == bytes);
        server.join();
    }
}

Task<void> send_all_of(Stream& stream, base::ByteView bytes, base::Status& sent) {
    const std::array<base::ByteView, 1> pieces = {bytes};
    sent = co_await stream.send_all(pieces, patient());
}

Task<void> recv_all_of(Stream& stream, base::Bytes bytes, base::Status& received) {
    while (!bytes.empty()) {
        auto got = co_await stream.recv(bytes.first(std::min<std::size_t>(bytes.size(), 300'000)),
                                        patient());
        if (got && *got == 0)
            got = base::fail(ErrorKind::transient, "end", "the peer has ended early");
        if (!got) {
            received = std::unexpected(got.error());
            co_return;
        }
        bytes = bytes.subspan(*got);
    }
}

// Both ends send as much as they can while they receive; the peer asks for new keys on the way, so
// that receiving itself has something to send.
TEST_P(TlsTest, SendsWhileThePeerSends) {
    constexpr std::size_t kBytes = 50 * kMiB;
    const std::vector<std::byte> out = pattern(kBytes);
    for (const int version : kVersions) {
        const int key_updates = version == TLS1_3_VERSION ? 20 : 0;
        std::thread server = serve(local, version, [&](TlsPeer& peer) {
            EXPECT_TRUE(peer.exchange(kBytes, key_updates));
        });
        auto stream = connect();
        std::vector<std::byte> in(kBytes);
        base::Status sent, received;
        run([](Reactor& r, Stream& s, base::ByteView out_, base::Bytes in_, auto& sent_,
               auto& received_) -> Task<void> {
            TaskScope scope(r);
            scope.spawn(send_all_of(s, out_, sent_));
            scope.spawn(recv_all_of(s, in_, received_));
            co_await scope.join();
        }(reactor, *stream, out, in, sent, received));
        EXPECT_TRUE(sent) << sent.error().to_string();
        EXPECT_TRUE(received) << received.error().to_string();
        EXPECT_TRUE(in == out);
        stream.reset();
        server.join();
    }
}

// RFC 8446, 4.6.3: our KeyUpdate must go out before our next application data, not at once.
TEST_P(TlsTest, AnswersAKeyUpdateWithItsNextSend) {
    std::thread server = serve(local, TLS1_3_VERSION, [](TlsPeer& peer) {
        EXPECT_TRUE(peer.request_key_update());
        EXPECT_TRUE(peer.write(base::as_bytes("new keys")));
        EXPECT_EQ(base::as_text(peer.read_exactly(3)), "yes");
    });
    auto stream = connect();
    EXPECT_EQ(base::as_text(must(recv_exactly(*stream, 8))), "new keys");
    EXPECT_TRUE(send(*stream, {base::as_bytes("yes")}));
    server.join();
}

// Each question is an answer that waits for our next send; who only asks is cut off before that is
// much memory.
TEST_P(TlsTest, DoesNotHoardAnswersToKeyUpdates) {
    std::thread server = serve(local, TLS1_3_VERSION, [](TlsPeer& peer) {
        for (int i = 0; i < 1'000'000; ++i) {
            if (!peer.request_key_update() || SSL_do_handshake(peer.ssl()) != 1) return;
        }
        ADD_FAILURE() << "a million key updates were taken";
    });
    auto stream = connect();
    std::byte buffer[16];
    const auto got = recv(*stream, buffer);
    stream.reset();
    server.join();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, "tls_error") << got.error().to_string();
}

TEST_P(TlsTest, AnEndWithNoticeIsAnEnd) {
    for (const int version : kVersions) {
        std::thread server = serve(local, version, [](TlsPeer& peer) {
            EXPECT_TRUE(peer.write(base::as_bytes("bye")));
            peer.close_notify();
        });
        auto stream = connect();
        std::byte buffer[16];
        EXPECT_EQ(recv(*stream, buffer).value(), 3u);
        EXPECT_EQ(recv(*stream, buffer).value(), 0u);
        EXPECT_EQ(recv(*stream, buffer).value(), 0u);
        server.join();
    }
}

TEST_P(TlsTest, AnEndWithoutNoticeIsAnError) {
    for (const int version : kVersions) {
        std::thread server = serve(local, version, [](TlsPeer& peer) {
            EXPECT_TRUE(peer.write(base::as_bytes("by")));
            peer.transport().close();
        });
        auto stream = connect();
        std::byte buffer[16];
        EXPECT_EQ(recv(*stream, buffer).value(), 2u);
        const auto end = recv(*stream, buffer);
        ASSERT_FALSE(end.has_value());
        EXPECT_EQ(end.error().kind, ErrorKind::transient);
        EXPECT_EQ(end.error().code, "connection_closed");
        server.join();
    }
}

TEST_P(TlsTest, ARecordThatWasTamperedWithIsAnError) {
    std::thread server = serve(local, TLS1_3_VERSION, [](TlsPeer& peer) {
        // An application data record of 32 bytes that no key of theirs has made.
        std::vector<std::byte> forged = {std::byte{0x17}, std::byte{3}, std::byte{3}, std::byte{0},
                                         std::byte{32}};
        forged.resize(5 + 32);
        EXPECT_TRUE(peer.transport().write(forged));
    });
    auto stream = connect();
    std::byte buffer[16];
    const auto got = recv(*stream, buffer);
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, "tls_error");
    EXPECT_FALSE(recv(*stream, buffer).has_value());  // and stays one
    server.join();
}

// The transport is still open and silent, but the peer has said that it is done: no connection to
// use again.
TEST_P(TlsTest, IsNotQuietOnceThePeerHasSaidGoodbye) {
    Listener done;  // connected to when the server may go
    std::thread server = serve(local, TLS1_2_VERSION, [&done](TlsPeer& peer) {
        EXPECT_EQ(peer.read_exactly(1).size(), 1u);
        EXPECT_TRUE(peer.write(base::as_bytes("one")));
        EXPECT_EQ(peer.read_exactly(1).size(), 1u);
        EXPECT_TRUE(peer.write(base::as_bytes("two")));
        peer.close_notify();
        done.accept();
    });
    auto stream = connect();
    EXPECT_TRUE(stream->is_quiet());
    std::byte buffer[16];
    ASSERT_TRUE(send(*stream, {base::as_bytes("x")}));
    EXPECT_EQ(recv(*stream, buffer).value(), 3u);
    EXPECT_TRUE(stream->is_quiet());
    ASSERT_TRUE(send(*stream, {base::as_bytes("x")}));
    EXPECT_EQ(recv(*stream, buffer).value(), 3u);
    while (stream->is_quiet())
        std::this_thread::yield();  // until the alert has arrived, if it came apart
    EXPECT_EQ(recv(*stream, buffer).value(), 0u);
    EXPECT_FALSE(stream->is_quiet());
    must(reactor.run_until_done(connect_tcp(reactor, done.address(), patient())));
    server.join();
}

}  // namespace
}  // namespace io
