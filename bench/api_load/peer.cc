#include "bench/api_load/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>

namespace api_load {

TlsContext client_context() {
    const TlsContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    return context;
}

Peer::Peer(const Target& target, std::uint32_t source, bool small_window)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const int on = 1;
    const int window = 4096;
    if (small_window) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
    const auto* as_any = reinterpret_cast<const sockaddr*>(&address);
    bool good = fd_ >= 0 && bind(fd_, as_any, sizeof address) == 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(target.port);
    good = good && (connect(fd_, as_any, sizeof address) == 0 || errno == EINPROGRESS);
    if (!good) close();
    if (!good || !target.tls) return;
    ssl_ = SSL_new(target.tls.get());
    SSL_set_fd(ssl_, fd_);
    SSL_set_connect_state(ssl_);
}

Peer::~Peer() { close(); }

void Peer::close() {
    state_ = State::closed;
    wants_to_write_ = false;
    SSL_free(ssl_);
    ssl_ = nullptr;
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

std::size_t Peer::outcome(int result) {
    wants_to_write_ = false;
    if (result > 0) return static_cast<std::size_t>(result);
    if (ssl_ == nullptr) {
        if (result == 0 || (errno != EAGAIN && errno != EINTR)) close();
        return 0;
    }
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ: return 0;
        case SSL_ERROR_WANT_WRITE: wants_to_write_ = true; return 0;
        default: close(); return 0;
    }
}

void Peer::advance() {
    if (state_ == State::connecting) {
        pollfd ready{fd_, POLLOUT, 0};
        if (poll(&ready, 1, 0) != 1) return;
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return close();
        wants_to_write_ = false;
        state_ = ssl_ == nullptr ? State::open : State::shaking;
    }
    if (state_ != State::shaking) return;
    ERR_clear_error();
    if (outcome(SSL_do_handshake(ssl_)) > 0) state_ = State::open;
}

std::size_t Peer::send(std::string_view bytes) {
    if (state_ != State::open || bytes.empty()) return 0;
    if (ssl_ != nullptr) {
        ERR_clear_error();
        return outcome(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())));
    }
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    const bool full = count < 0 && errno == EAGAIN;
    const std::size_t sent = outcome(static_cast<int>(count));
    wants_to_write_ = full;
    return sent;
}

std::size_t Peer::receive(char* into, std::size_t size) {
    if (state_ != State::open) return 0;
    if (ssl_ != nullptr) {
        ERR_clear_error();
        return outcome(SSL_read(ssl_, into, static_cast<int>(size)));
    }
    return outcome(static_cast<int>(recv(fd_, into, size, 0)));
}

std::string exchange(const Target& target, std::string_view request) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    Peer peer(target, 0);
    std::string answer;
    char some[16384];
    while (peer.state() != Peer::State::closed && std::chrono::steady_clock::now() < end) {
        pollfd ready{peer.fd(), static_cast<short>(peer.wants_to_write() ? POLLOUT : POLLIN), 0};
        poll(&ready, 1, 100);
        peer.advance();
        request.remove_prefix(peer.send(request));
        while (const std::size_t count = peer.receive(some, sizeof some))
            answer.append(some, count);
    }
    return answer;
}

}  // namespace api_load
