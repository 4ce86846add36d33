#include "tls_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/check.h"

namespace s3zipd {
namespace {

constexpr std::size_t kBufferBytes = 128 << 10;

template <auto Free>
struct FreeWith {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;

Certificate certificate_of(EVP_PKEY* key, const char* name, long serial) {
    Certificate made(X509_new());
    X509_set_version(made.get(), 2);  // X.509 v3
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 24L * 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_pubkey(made.get(), key);
    return made;
}

void extend(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    CHECK(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

std::string write_pem(X509* certificate) {
    std::string path = "/tmp/s3zipd-tls-proxy-XXXXXX";
    std::FILE* file = ::fdopen(::mkostemp(path.data(), O_CLOEXEC), "w");
    CHECK(file != nullptr);
    CHECK(PEM_write_X509(file, certificate) == 1);
    CHECK(std::fclose(file) == 0);
    return path;
}

// Gives the context a key and a certificate; returns the PEM file of who signed it.
std::string identify(SSL_CTX* context) {
    const Key ca_key(EVP_EC_gen("P-256")), key(EVP_EC_gen("P-256"));
    const Certificate ca = certificate_of(ca_key.get(), "s3zipd test CA", 1);
    X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
    extend(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign");
    CHECK(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) != 0);
    const Certificate leaf = certificate_of(key.get(), "localhost", 2);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
    extend(leaf.get(), ca.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    CHECK(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) != 0);
    CHECK(SSL_CTX_use_certificate(context, leaf.get()) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context, key.get()) == 1);
    return write_pem(ca.get());
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void set_flags(int fd) {
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    CHECK(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
}

void close_with_reset(int fd) {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd);
}

enum class Moved : std::uint8_t { some, nothing, broken };

// Bytes on their way in one direction.
struct Lane {
    std::vector<char> bytes = std::vector<char>(kBufferBytes);
    std::size_t begin = 0, end = 0;
    bool read_ended = false, write_ended = false;

    bool empty() const { return begin == end; }
    bool wants_to_read() const { return empty() && !read_ended; }
    bool wants_to_end() const { return empty() && read_ended && !write_ended; }
};

// One connection's two: from the client, whose side is TLS, and to it.
class Lanes {
  public:
    Lanes(SSL* ssl, int client, int server) : ssl_(ssl), client_(client), server_(server) {}

    // To the end of both. False: one was cut, or stop_fd became readable.
    bool run(int stop_fd) {
        while (!in_.write_ended || !out_.write_ended) {
            const Moved moved = turn();
            if (moved == Moved::broken) return false;
            if (moved == Moved::nothing && !wait(stop_fd)) return false;
        }
        return true;
    }

  private:
    // As much as moves without waiting, each way once.
    Moved turn() {
        bool some = false;
        for (const auto step :
             {&Lanes::pull_client, &Lanes::push_server, &Lanes::pull_server, &Lanes::push_client}) {
            const Moved moved = (this->*step)();
            if (moved == Moved::broken) return moved;
            some = some || moved == Moved::some;
        }
        return some ? Moved::some : Moved::nothing;
    }
    bool wait(int stop_fd) {
        const auto events = [](bool in, bool out) {
            return static_cast<short>((in ? POLLIN : 0) | (out ? POLLOUT : 0));
        };
        pollfd ready[3] = {{client_, events(in_.wants_to_read(), !out_.empty()), 0},
                           {server_, events(out_.wants_to_read(), !in_.empty()), 0},
                           {stop_fd, POLLIN, 0}};
        for (pollfd& one : ready) {
            if (one.events == 0) one.fd = -1;  // else its end would be told again and again
        }
        return (::poll(ready, 3, -1) > 0 || errno == EINTR) && ready[2].revents == 0;
    }

    Moved pull_client() {
        if (!in_.wants_to_read()) return Moved::nothing;
        in_.begin = in_.end = 0;
        const int done = SSL_read_ex(ssl_, in_.bytes.data(), in_.bytes.size(), &in_.end);
        if (done != 1 && SSL_get_error(ssl_, done) == SSL_ERROR_ZERO_RETURN) {
            in_.read_ended = true;
            return Moved::some;
        }
        return tls(done);
    }
    Moved push_client() {
        if (out_.wants_to_end()) {
            SSL_shutdown(ssl_);
            out_.write_ended = true;
        }
        if (out_.empty()) return Moved::nothing;
        std::size_t count = 0;
        const int done =
            SSL_write_ex(ssl_, out_.bytes.data() + out_.begin, out_.end - out_.begin, &count);
        out_.begin += count;
        return tls(done);
    }
    Moved tls(int done) const {
        if (done == 1) return Moved::some;
        const int why = SSL_get_error(ssl_, done);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? Moved::nothing
                                                                         : Moved::broken;
    }

    Moved pull_server() {
        if (!out_.wants_to_read()) return Moved::nothing;
        const ssize_t count = ::recv(server_, out_.bytes.data(), out_.bytes.size(), MSG_DONTWAIT);
        out_.begin = 0;
        out_.end = count > 0 ? static_cast<std::size_t>(count) : 0;
        if (count == 0) out_.read_ended = true;
        return plain(count);
    }
    Moved push_server() {
        if (in_.wants_to_end()) {
            ::shutdown(server_, SHUT_WR);
            in_.write_ended = true;
        }
        if (in_.empty()) return Moved::nothing;
        const ssize_t count = ::send(server_, in_.bytes.data() + in_.begin, in_.end - in_.begin,
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) in_.begin += static_cast<std::size_t>(count);
        return plain(count);
    }
    static Moved plain(ssize_t count) {
        if (count >= 0) return Moved::some;
        return errno == EAGAIN || errno == EINTR ? Moved::nothing : Moved::broken;
    }

    SSL* const ssl_;
    const int client_, server_;
    Lane in_, out_;
};

bool shake_hands(SSL* ssl, int client, int stop_fd) {
    while (true) {
        const int done = SSL_accept(ssl);
        if (done == 1) return true;
        const int why = SSL_get_error(ssl, done);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
        pollfd ready[2] = {
            {client, static_cast<short>(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0},
            {stop_fd, POLLIN, 0}};
        if ((::poll(ready, 2, -1) < 0 && errno != EINTR) || ready[1].revents != 0) return false;
    }
}

}  // namespace

TlsProxy::TlsProxy(std::uint16_t to_port)
    : to_port_(to_port), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    pem_file_ = identify(context_.get());
    SSL_CTX_set_mode(context_.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Clients that are killed say no goodbye; that is for the server behind us to see, too.
    SSL_CTX_set_options(context_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    stop_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    listen_fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(stop_fd_ >= 0 && listen_fd_ >= 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    CHECK(::bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::listen(listen_fd_, 1024) == 0);
    CHECK(::getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

TlsProxy::~TlsProxy() {
    stop();
    ::close(listen_fd_);
    ::close(stop_fd_);
    ::unlink(pem_file_.c_str());
}

std::string TlsProxy::endpoint() const { return "https://127.0.0.1:" + std::to_string(port_); }

void TlsProxy::stop() {
    const std::scoped_lock lock(stop_mutex_);
    if (!acceptor_.joinable()) return;
    const std::uint64_t one = 1;
    CHECK(::write(stop_fd_, &one, sizeof one) == sizeof one);
    acceptor_.join();
}

void TlsProxy::accept_all() {
    sigset_t pipe;  // OpenSSL writes without MSG_NOSIGNAL; threads started here inherit this
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    pollfd ready[2] = {{listen_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    while (ready[1].revents == 0) {
        if (::poll(ready, 2, -1) < 0) continue;
        const int client = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        lines_.remove_if([](Line& line) {
            const bool done = line.done.load();
            if (done) line.thread.join();
            return done;
        });
        ++open_;
        Line& line = lines_.emplace_back();
        line.thread = std::thread([this, client, &line] {
            serve(client);
            --open_;
            line.done.store(true);
        });
    }
    for (Line& line : lines_) line.thread.join();
}

void TlsProxy::serve(int client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(server >= 0);
    const sockaddr_in address = loopback(to_port_);
    const std::unique_ptr<SSL, FreeWith<SSL_free>> ssl(SSL_new(context_.get()));
    bool good = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    set_flags(client);
    set_flags(server);
    CHECK(SSL_set_fd(ssl.get(), client) == 1);
    good = good && shake_hands(ssl.get(), client, stop_fd_) &&
           Lanes(ssl.get(), client, server).run(stop_fd_);
    if (good) {
        ::close(client);
        ::close(server);
    } else {
        close_with_reset(client);
        close_with_reset(server);
    }
}

}  // namespace s3zipd
