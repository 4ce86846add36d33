// A Stream is one connected byte stream, plain or TLS. It belongs to one task at a time (one recv
// and one send may be under way together), lives on one reactor, and closes when destroyed; nothing
// may be in flight then.
//
// Bytes go straight between the kernel and the caller's memory (TLS: through the cipher, once). The
// caller keeps that memory alive until the await returns, also when cancelled.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "io/bounds.h"
#include "io/reactor.h"
#include "io/task.h"

namespace io {

// A resolved address, ready for connect(2).
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    std::string to_string() const;  // "127.0.0.1:9000", "[::1]:443"
};

class Stream {
  public:
    virtual ~Stream() = default;

    // Receives at least one byte, at most buffer.size(); 0 is the peer's orderly end.
    virtual Task<base::Result<std::size_t>> recv(base::Bytes buffer, Bounds bounds) = 0;
    // Sends all of it, in order. At most kPiecesMax pieces.
    virtual Task<base::Status> send_all(std::span<const base::ByteView> pieces, Bounds bounds) = 0;
    static constexpr std::size_t kPiecesMax = 1024;

    // For an idle connection: false once the peer has closed it or said something unasked. One
    // system call.
    virtual bool is_quiet() = 0;

    // True if bytes from the peer wait to be received. Never waits for more of them. TLS: bytes of
    // the application; session tickets and the like are taken in. No recv may be under way.
    virtual Task<base::Result<bool>> has_unread(Bounds bounds) = 0;
};

Task<base::Result<std::unique_ptr<Stream>>> connect_tcp(Reactor& reactor, SocketAddress address,
                                                        Bounds bounds);

}  // namespace io
