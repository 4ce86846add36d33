// epoll(7), edge-triggered, under the IoBackend interface: for Fargate and other places that forbid
// io_uring. An operation is tried at once; only what would block waits, at most one receiving and
// one sending per socket.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <vector>

#include "base/check.h"
#include "io/backend.h"
#include "io/bounds.h"

namespace io {
namespace {

class EpollBackend final : public IoBackend {
  public:
    static base::Result<std::unique_ptr<IoBackend>> create() {
        auto backend = std::unique_ptr<EpollBackend>(new EpollBackend);
        backend->epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        backend->event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (backend->epoll_ < 0 || backend->event_ < 0) {
            return std::unexpected(io_error(-errno, "epoll_create1"));
        }
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = backend->event_;
        if (::epoll_ctl(backend->epoll_, EPOLL_CTL_ADD, backend->event_, &event) < 0) {
            return std::unexpected(io_error(-errno, "epoll_ctl"));
        }
        return backend;
    }

    ~EpollBackend() override {
        if (epoll_ >= 0) ::close(epoll_);
        if (event_ >= 0) ::close(event_);
    }

    std::string_view name() const override { return "epoll"; }
    int socket_flags() const override { return SOCK_CLOEXEC | SOCK_NONBLOCK; }

    base::Status attach(int fd) override {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.fd = fd;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) {
            return std::unexpected(io_error(-errno, "epoll_ctl"));
        }
        if (waiting_.size() <= static_cast<std::size_t>(fd))
            waiting_.resize(static_cast<std::size_t>(fd) + 1);
        return {};
    }

    void detach(int fd) override {
        const Waiting& waiting = waiting_[static_cast<std::size_t>(fd)];
        CHECK(waiting.in == nullptr && waiting.out == nullptr);
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    }

    void submit(Operation& operation) override {
        const int result = attempt(operation, true);
        if (result != -EAGAIN) {
            finish(operation, result);
            return;
        }
        Operation*& slot = slot_of(operation);
        CHECK(slot == nullptr);
        slot = &operation;
    }

    void cancel(Operation& operation) override {
        Operation*& slot = slot_of(operation);
        if (slot != &operation) return;  // completed already, and queued to say so
        slot = nullptr;
        finish(operation, -ECANCELED);
    }

    void wait(base::Duration timeout) override {
        if (done_first_ == nullptr)
            poll(timeout);
        else
            poll(base::Duration::zero());
        while (done_first_ != nullptr) {
            Operation* operation = done_first_;
            done_first_ = operation->next;
            if (done_first_ == nullptr) done_last_ = nullptr;
            operation->next = nullptr;
            operation->on_complete(*operation);
        }
    }

    void wake() override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
    }

  private:
    EpollBackend() = default;
    struct Waiting {
        Operation* in = nullptr;
        Operation* out = nullptr;
    };

    Operation*& slot_of(const Operation& operation) {
        Waiting& waiting = waiting_[static_cast<std::size_t>(operation.fd)];
        return operation.kind == Operation::Kind::recv ? waiting.in : waiting.out;
    }

    // The system call itself: a result, -errno, or -EAGAIN if it has to wait.
    static int attempt(Operation& operation, bool first) {
        ssize_t n = 0;
        switch (operation.kind) {
            case Operation::Kind::recv:
                n = ::recv(operation.fd, operation.buffer, operation.size, 0);
                break;
            case Operation::Kind::sendmsg:
                n = ::sendmsg(operation.fd, operation.message, MSG_NOSIGNAL);
                break;
            case Operation::Kind::connect: {
                if (first) {
                    n = ::connect(operation.fd, operation.address, operation.address_size);
                    return n == 0 ? 0 : errno == EINPROGRESS ? -EAGAIN : -errno;
                }
                int error = 0;
                socklen_t size = sizeof error;
                ::getsockopt(operation.fd, SOL_SOCKET, SO_ERROR, &error, &size);
                return -error;
            }
        }
        return n >= 0 ? static_cast<int>(n) : errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }

    void finish(Operation& operation, int result) {
        operation.result = result;
        operation.next = nullptr;
        (done_last_ == nullptr ? done_first_ : done_last_->next) = &operation;
        done_last_ = &operation;
    }

    void retry(Operation*& slot) {
        if (slot == nullptr) return;
        const int result = attempt(*slot, false);
        if (result == -EAGAIN) return;
        finish(*slot, result);
        slot = nullptr;
    }

    void poll(base::Duration timeout) {
        std::array<epoll_event, 256> events;
        // Rounded up: waking a little before a timer is due would spin.
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
        const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(ms));
        for (int i = 0; i < n; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.fd == event_) {
                std::uint64_t count = 0;
                [[maybe_unused]] const auto got = ::read(event_, &count, sizeof count);
                continue;
            }
            Waiting& waiting = waiting_[static_cast<std::size_t>(event.data.fd)];
            if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
                retry(waiting.in);
            if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) retry(waiting.out);
        }
    }

    int epoll_ = -1;
    int event_ = -1;
    std::vector<Waiting> waiting_;  // by descriptor
    Operation* done_first_ = nullptr;
    Operation* done_last_ = nullptr;
};

}  // namespace

base::Result<std::unique_ptr<IoBackend>> make_epoll_backend() { return EpollBackend::create(); }

}  // namespace io
