// The other end of a connection: plain blocking sockets on 127.0.0.1. A loopback connect completes
// in the kernel, so accept() may be called on the test's own thread after the reactor has
// connected.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstring>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "io/stream.h"

namespace io {

class Peer {
  public:
    explicit Peer(int fd) : fd_(fd) { CHECK(fd >= 0); }
    Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Peer& operator=(Peer&&) = delete;
    ~Peer() { close(); }

    int fd() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    // Closes with RST instead of FIN.
    void reset() {
        const linger now{1, 0};
        CHECK(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
        close();
    }
    // False once the other end is gone.
    bool write(base::ByteView bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
        return true;
    }
    // 0 at the end, also when reset.
    std::size_t read_some(base::Bytes to) {
        const ssize_t n = ::recv(fd_, to.data(), to.size(), 0);
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    std::vector<std::byte> read_to_end() {
        std::vector<std::byte> all, some(64 * 1024);
        while (const std::size_t n = read_some(some)) {
            all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
        }
        return all;
    }

  private:
    int fd_;
};

class Listener {
  public:
    explicit Listener(int receive_buffer_bytes = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        CHECK(fd_ >= 0);
        if (receive_buffer_bytes != 0) {
            CHECK(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(int)) ==
                  0);
        }
        auto& in = reinterpret_cast<sockaddr_in&>(address_.storage);
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address_.size = sizeof in;
        CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&in), address_.size) == 0);
        CHECK(::listen(fd_, 4096) == 0);
        CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &address_.size) == 0);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { close(); }

    const SocketAddress& address() const { return address_; }
    Peer accept() { return Peer(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

  private:
    int fd_;
    SocketAddress address_;
};

// Byte `i` of a stream that no shift, repetition or loss leaves looking the same.
inline std::byte pattern_at(std::uint64_t i) {
    return static_cast<std::byte>((i * 0x9E3779B97F4A7C15u) >> 56);
}
inline std::vector<std::byte> pattern(std::size_t size, std::uint64_t from = 0) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = pattern_at(from + i);
    return bytes;
}

}  // namespace io
