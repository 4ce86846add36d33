// What the kernel does for a reactor, behind one interface: io_uring, epoll, later a simulation.
//
// An Operation is one request. It lives in the frame that awaits it and must stay there until its
// completion has been returned by wait(): to cancel means to ask, and then to await the completion
// all the same. An IoBackend belongs to one reactor and is used on its thread only, but for wake().
// Results are as the system call's: >= 0, or -errno.
#pragma once

#include <sys/socket.h>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace io {

struct Operation {
    enum class Kind : std::uint8_t { recv, sendmsg, connect };

    Kind kind = Kind::recv;
    int fd = -1;
    void* buffer = nullptr;  // recv
    std::size_t size = 0;
    msghdr* message = nullptr;          // sendmsg; what it points to is the awaiter's too
    const sockaddr* address = nullptr;  // connect
    socklen_t address_size = 0;

    int result = 0;
    void (*on_complete)(Operation&) = nullptr;
    Operation* next = nullptr;  // the back end's lists
};

class IoBackend {
  public:
    virtual ~IoBackend() = default;
    virtual std::string_view name() const = 0;

    // Flags for socket(2): io_uring wants blocking sockets, epoll non-blocking ones.
    virtual int socket_flags() const = 0;
    // A socket enters before its first operation and leaves before close(2), with none in flight.
    virtual base::Status attach(int fd) = 0;
    virtual void detach(int fd) = 0;

    virtual void submit(Operation& operation) = 0;
    virtual void cancel(Operation& operation) = 0;

    // Sends what is queued to the kernel, waits at most `timeout` for something to complete (not at
    // all if zero), and calls on_complete of all that did.
    virtual void wait(base::Duration timeout) = 0;

    // Makes a wait() under way, or the next one, return at once. From any thread.
    virtual void wake() = 0;
};

base::Result<std::unique_ptr<IoBackend>> make_uring_backend();
base::Result<std::unique_ptr<IoBackend>> make_epoll_backend();

enum class BackendChoice : std::uint8_t { automatic, uring, epoll };
// automatic: io_uring if io_uring_setup(2) and its features are there, else epoll. Containers often
// forbid io_uring.
base::Result<std::unique_ptr<IoBackend>> make_backend(BackendChoice choice);

}  // namespace io
