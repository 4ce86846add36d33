#include "io/tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"

namespace io {
namespace {

constexpr std::size_t kRecordMaxBytes = 16 * 1024 + 512;   // a TLS record with its overhead
constexpr std::size_t kInboxBytes = 8 * kRecordMaxBytes;   // ciphertext a receive may bring
constexpr std::size_t kPlainPerSendBytes = 8 * 16 * 1024;  // plaintext enciphered before each send
constexpr std::size_t kOutboxMaxBytes =
    4 * kPlainPerSendBytes;  // a send's own share is less than half of it

// What a stream holds between the cipher and the socket.
struct Wire {
    std::vector<std::byte> inbox = std::vector<std::byte>(kInboxBytes);
    std::size_t inbox_begin = 0, inbox_end = 0;
    std::vector<std::byte> outbox;
};

// The BIO through which OpenSSL sees a Wire: never blocks, asks for a retry when the inbox is
// empty.
int wire_read(BIO* bio, char* to, std::size_t size, std::size_t* got) {
    auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    *got = std::min(size, wire.inbox_end - wire.inbox_begin);
    if (*got == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    std::memcpy(to, wire.inbox.data() + wire.inbox_begin, *got);
    wire.inbox_begin += *got;
    return 1;
}

int wire_write(BIO* bio, const char* from, std::size_t size, std::size_t* put) {
    auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
    const auto* bytes = reinterpret_cast<const std::byte*>(from);
    wire.outbox.insert(wire.outbox.end(), bytes, bytes + size);
    *put = size;
    return 1;
}

long wire_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int wire_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD* wire_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "s3zipd wire");
        BIO_meth_set_read_ex(m, wire_read);
        BIO_meth_set_write_ex(m, wire_write);
        BIO_meth_set_ctrl(m, wire_control);
        BIO_meth_set_create(m, wire_create);
        return m;
    }();
    return method;
}

base::Error tls_error(SSL* ssl, std::string_view what, const std::string& host) {
    base::Error error{base::ErrorKind::transient, "tls_error", {}, 0, {}, {}};
    const long verified = ssl == nullptr ? X509_V_OK : SSL_get_verify_result(ssl);
    if (verified != X509_V_OK) {
        // Trying again cannot make a certificate right.
        error.kind = base::ErrorKind::denied;
        error.code = "tls_certificate";
        error.detail = fmt::format("the certificate of {} is not trusted: {}", host,
                                   X509_verify_cert_error_string(verified));
    } else {
        char text[256] = "closed by the peer";
        if (const unsigned long code = ERR_peek_error(); code != 0)
            ERR_error_string_n(code, text, sizeof text);
        error.detail = fmt::format("{} with {}: {}", what, host, text);
    }
    ERR_clear_error();
    return error;
}

class TlsStream final : public Stream {
  public:
    TlsStream(std::shared_ptr<TlsContext> context, std::unique_ptr<Stream> transport,
              std::string host)
        : context_(std::move(context)), transport_(std::move(transport)), host_(std::move(host)) {
        ssl_ = SSL_new(static_cast<SSL_CTX*>(context_->native()));
        CHECK(ssl_ != nullptr);
        BIO* bio = BIO_new(wire_method());
        BIO_set_data(bio, &wire_);
        SSL_set_bio(ssl_, bio, bio);
        SSL_set_connect_state(ssl_);
        in6_addr ip;
        if (::inet_pton(AF_INET, host_.c_str(), &ip) == 1 ||
            ::inet_pton(AF_INET6, host_.c_str(), &ip) == 1) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host_.c_str());
        } else {
            SSL_set_tlsext_host_name(ssl_, host_.c_str());
            SSL_set1_host(ssl_, host_.c_str());
        }
    }
    ~TlsStream() override { SSL_free(ssl_); }

    Task<base::Status> handshake(Bounds bounds) {
        for (;;) {
            ERR_clear_error();
            const int done = SSL_do_handshake(ssl_);
            if (done != 1 && SSL_get_error(ssl_, done) != SSL_ERROR_WANT_READ) {
                // Taken down before anything else runs: the queue of errors is the thread's. Why we
                // refuse counts more than whether the peer hears our alert.
                base::Error error = tls_error(ssl_, "the TLS handshake", host_);
                static_cast<void>(co_await flush(bounds));
                co_return std::unexpected(std::move(error));
            }
            if (auto flushed = co_await flush(bounds); !flushed) co_return flushed;
            if (done == 1) co_return base::Status{};
            auto filled = co_await fill(bounds);
            if (!filled) co_return std::unexpected(filled.error());
            if (*filled == 0)
                co_return std::unexpected(tls_error(ssl_, "the TLS handshake", host_));
        }
    }

    Task<base::Result<std::size_t>> recv(base::Bytes buffer, Bounds bounds) override {
        for (;;) {
            std::size_t total = 0;
            int reason = SSL_ERROR_NONE;
            while (total < buffer.size()) {
                std::size_t got = 0;
                ERR_clear_error();
                const int ok =
                    SSL_read_ex(ssl_, buffer.data() + total, buffer.size() - total, &got);
                total += got;
                if (ok != 1) {
                    reason = SSL_get_error(ssl_, ok);
                    break;
                }
            }
            // An answer to a key update stays in the outbox until we next send (RFC 8446, 4.6.3): a
            // send may be under way, and two at once would mix their bytes.
            if (wire_.outbox.size() > kOutboxMaxBytes) {
                co_return base::fail(base::ErrorKind::transient, "tls_error",
                                     fmt::format("{} asks for new keys without end", host_));
            }
            if (total > 0) co_return total;
            if (reason == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
            if (reason != SSL_ERROR_WANT_READ) {
                co_return std::unexpected(tls_error(ssl_, "receiving over TLS", host_));
            }
            auto filled = co_await fill(bounds);
            if (!filled) co_return std::unexpected(filled.error());
            if (*filled == 0) {
                // No close_notify: somebody may have cut the connection, so this is not an orderly
                // end.
                co_return base::fail(
                    base::ErrorKind::transient, "connection_closed",
                    fmt::format("{} closed the TLS connection without notice", host_));
            }
        }
    }

    Task<base::Status> send_all(std::span<const base::ByteView> pieces, Bounds bounds) override {
        for (base::ByteView piece : pieces) {
            while (!piece.empty()) {
                const std::size_t size = std::min(piece.size(), kPlainPerSendBytes);
                std::size_t put = 0;
                ERR_clear_error();
                if (SSL_write_ex(ssl_, piece.data(), size, &put) != 1) {
                    co_return std::unexpected(tls_error(ssl_, "sending over TLS", host_));
                }
                piece = piece.subspan(put);
                if (wire_.outbox.size() >= kPlainPerSendBytes) {
                    if (auto flushed = co_await flush(bounds); !flushed) co_return flushed;
                }
            }
        }
        co_return co_await flush(bounds);
    }

    bool is_quiet() override {
        // The goodbye may have come in the last record received; bytes may wait on either side of
        // the cipher.
        return SSL_get_shutdown(ssl_) == 0 && SSL_has_pending(ssl_) == 0 &&
               wire_.inbox_begin == wire_.inbox_end && transport_->is_quiet();
    }

    Task<base::Result<bool>> has_unread(Bounds bounds) override {
        for (;;) {
            std::byte probe;
            std::size_t got = 0;
            ERR_clear_error();
            const int ok = SSL_peek_ex(ssl_, &probe, 1, &got);
            if (ok == 1) co_return true;
            // An end or an error is not unread data; the next recv() reports it.
            if (SSL_get_error(ssl_, ok) != SSL_ERROR_WANT_READ) co_return false;
            if (transport_->is_quiet()) co_return false;
            auto filled = co_await fill(bounds);  // at once: bytes or the end have arrived
            if (!filled) co_return std::unexpected(filled.error());
            if (*filled == 0) co_return false;
        }
    }

  private:
    // Receives more ciphertext; 0 if the transport has ended.
    Task<base::Result<std::size_t>> fill(Bounds bounds) {
        CHECK(wire_.inbox_begin == wire_.inbox_end);
        wire_.inbox_begin = wire_.inbox_end = 0;
        auto got = co_await transport_->recv(wire_.inbox, bounds);
        if (got) wire_.inbox_end = *got;
        co_return got;
    }

    // Only the handshake and the one send under way call this. A recv may add to the outbox
    // meanwhile.
    Task<base::Status> flush(Bounds bounds) {
        while (!wire_.outbox.empty()) {
            std::vector<std::byte> sending = std::exchange(wire_.outbox, {});
            const std::array<base::ByteView, 1> pieces = {base::ByteView(sending)};
            if (auto sent = co_await transport_->send_all(pieces, bounds); !sent) co_return sent;
            if (wire_.outbox.empty()) {
                sending.clear();
                wire_.outbox = std::move(sending);  // its memory is used again
            }
        }
        co_return base::Status{};
    }

    std::shared_ptr<TlsContext> context_;
    std::unique_ptr<Stream> transport_;
    const std::string host_;
    Wire wire_;
    SSL* ssl_ = nullptr;
};

// Where distributions keep their CA bundle; OpenSSL's own default is Debian's only.
bool load_system_cas(SSL_CTX* context) {
    for (const char* file :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}) {
        if (::access(file, R_OK) == 0) return SSL_CTX_load_verify_file(context, file) == 1;
    }
    return SSL_CTX_set_default_verify_paths(context) == 1;
}

}  // namespace

base::Result<std::shared_ptr<TlsContext>> TlsContext::create(const std::string& ca_bundle) {
    SSL_CTX* native = SSL_CTX_new(TLS_client_method());
    CHECK(native != nullptr);
    std::shared_ptr<TlsContext> context(new TlsContext(native));
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_options(native,
                        SSL_OP_NO_RENEGOTIATION);  // or a write might have to wait for a read
    // AES-128 first: a third cheaper than AES-256 and as safe here.
    SSL_CTX_set_ciphersuites(
        native, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    const bool loaded = ca_bundle.empty()
                            ? load_system_cas(native)
                            : SSL_CTX_load_verify_file(native, ca_bundle.c_str()) == 1;
    ERR_clear_error();
    if (!loaded) {
        return base::fail(base::ErrorKind::invalid, "ca_bundle",
                          fmt::format("no certificates could be read from {}",
                                      ca_bundle.empty() ? "the system's CA bundle" : ca_bundle));
    }
    return context;
}

TlsContext::~TlsContext() { SSL_CTX_free(static_cast<SSL_CTX*>(context_)); }

Task<base::Result<std::unique_ptr<Stream>>> start_tls(std::shared_ptr<TlsContext> context,
                                                      std::unique_ptr<Stream> transport,
                                                      std::string host, Bounds bounds) {
    auto stream =
        std::make_unique<TlsStream>(std::move(context), std::move(transport), std::move(host));
    if (auto done = co_await stream->handshake(bounds); !done)
        co_return std::unexpected(done.error());
    co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace io
