#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <vector>

#include "io/operation_await.h"
#include "io/stream.h"

namespace io {
namespace {

// One receive takes at most this: a CRC over it finds the bytes still in the second-level cache.
constexpr std::size_t kRecvMaxBytes = 1 << 20;

class TcpStream final : public Stream {
  public:
    TcpStream(Reactor& reactor, int fd) : reactor_(reactor), fd_(fd) {}
    ~TcpStream() override {
        reactor_.backend().detach(fd_);
        ::close(fd_);
    }

    Task<base::Result<std::size_t>> recv(base::Bytes buffer, Bounds bounds) override {
        Operation operation;
        operation.kind = Operation::Kind::recv;
        operation.fd = fd_;
        operation.buffer = buffer.data();
        operation.size = std::min(buffer.size(), kRecvMaxBytes);
        const int result = co_await OperationAwaiter(reactor_, operation, bounds);
        if (result < 0) co_return std::unexpected(io_error(result, "receiving"));
        co_return static_cast<std::size_t>(result);
    }

    Task<base::Status> send_all(std::span<const base::ByteView> pieces, Bounds bounds) override {
        CHECK(pieces.size() <= kPiecesMax);
        std::vector<iovec> vectors;
        vectors.reserve(pieces.size());
        for (const base::ByteView piece : pieces) {
            if (!piece.empty()) {
                vectors.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
            }
        }
        msghdr message{};
        message.msg_iov = vectors.data();
        message.msg_iovlen = vectors.size();
        while (message.msg_iovlen != 0) {
            Operation operation;
            operation.kind = Operation::Kind::sendmsg;
            operation.fd = fd_;
            operation.message = &message;
            const int result = co_await OperationAwaiter(reactor_, operation, bounds);
            if (result < 0) co_return std::unexpected(io_error(result, "sending"));
            advance(message, static_cast<std::size_t>(result));
        }
        co_return base::Status{};
    }

    bool is_quiet() override {
        std::byte probe;
        return ::recv(fd_, &probe, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
               (errno == EAGAIN || errno == EWOULDBLOCK);
    }

    Task<base::Result<bool>> has_unread(Bounds) override {
        std::byte probe;
        co_return ::recv(fd_, &probe, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    }

  private:
    static void advance(msghdr& message, std::size_t sent) {
        while (message.msg_iovlen != 0 && sent >= message.msg_iov->iov_len) {
            sent -= message.msg_iov->iov_len;
            ++message.msg_iov;
            --message.msg_iovlen;
        }
        if (message.msg_iovlen != 0) {
            message.msg_iov->iov_base = static_cast<std::byte*>(message.msg_iov->iov_base) + sent;
            message.msg_iov->iov_len -= sent;
        }
    }

    Reactor& reactor_;
    const int fd_;
};

}  // namespace

std::uint64_t unacknowledged_bytes(int fd) {
    int bytes = 0;
    if (::ioctl(fd, SIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
    return static_cast<std::uint64_t>(bytes);
}

std::string SocketAddress::to_string() const {
    char text[INET6_ADDRSTRLEN] = "?";
    if (storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
        ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return fmt::format("{}:{}", text, ntohs(v4.sin_port));
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
}

Task<base::Result<std::unique_ptr<Stream>>> connect_tcp(Reactor& reactor, SocketAddress address,
                                                        Bounds bounds) {
    IoBackend& backend = reactor.backend();
    const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | backend.socket_flags(), 0);
    if (fd < 0) co_return std::unexpected(io_error(-errno, "socket"));
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (auto attached = backend.attach(fd); !attached) {
        ::close(fd);
        co_return std::unexpected(attached.error());
    }
    auto stream = std::make_unique<TcpStream>(reactor, fd);
    Operation operation;
    operation.kind = Operation::Kind::connect;
    operation.fd = fd;
    operation.address = reinterpret_cast<const sockaddr*>(&address.storage);
    operation.address_size = address.size;
    const int result = co_await OperationAwaiter(reactor, operation, bounds);
    if (result < 0) {
        co_return std::unexpected(io_error(result, "connecting to " + address.to_string()));
    }
    co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace io
