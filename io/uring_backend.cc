// io_uring(7) under the IoBackend interface: one ring per reactor, SINGLE_ISSUER and DEFER_TASKRUN
// where the kernel has them (6.1), one system call per round for everything queued. Features are
// probed, versions never compared.
#include <fmt/format.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>

#include "base/check.h"
#include "io/backend.h"
#include "io/bounds.h"

namespace io {
namespace {

constexpr unsigned kQueueDepth = 1024;  // submissions a round; more are sent in several calls

class UringBackend final : public IoBackend {
  public:
    static base::Result<std::unique_ptr<IoBackend>> create() {
        auto backend = std::unique_ptr<UringBackend>(new UringBackend);
        if (const int error = backend->open_ring(); error < 0) {
            return std::unexpected(io_error(error, "io_uring_setup"));
        }
        if (!backend->has_operations()) {
            return base::fail(base::ErrorKind::exhausted, "io_uring_too_old",
                              "io_uring here lacks recv, sendmsg, connect, async cancel, fast poll "
                              "or wait timeouts");
        }
        backend->event_ = ::eventfd(0, EFD_CLOEXEC);
        if (backend->event_ < 0) return std::unexpected(io_error(-errno, "eventfd"));
        backend->arm_event();
        return backend;
    }

    ~UringBackend() override {
        if (open_) io_uring_queue_exit(&ring_);
        if (event_ >= 0) ::close(event_);
    }

    std::string_view name() const override { return "io_uring"; }
    // A non-blocking socket would make the ring answer EAGAIN instead of waiting.
    int socket_flags() const override { return SOCK_CLOEXEC; }
    base::Status attach(int) override { return {}; }
    void detach(int) override {}

    void submit(Operation& operation) override {
        io_uring_sqe* sqe = next_sqe();
        switch (operation.kind) {
            case Operation::Kind::recv:
                io_uring_prep_recv(sqe, operation.fd, operation.buffer, operation.size, 0);
                break;
            case Operation::Kind::sendmsg:
                io_uring_prep_sendmsg(sqe, operation.fd, operation.message, MSG_NOSIGNAL);
                break;
            case Operation::Kind::connect:
                io_uring_prep_connect(sqe, operation.fd, operation.address, operation.address_size);
                break;
        }
        io_uring_sqe_set_data(sqe, &operation);
    }

    void cancel(Operation& operation) override {
        io_uring_sqe* sqe = next_sqe();
        io_uring_prep_cancel(sqe, &operation, 0);
        io_uring_sqe_set_data(sqe, nullptr);  // its own completion says nothing we need
    }

    void wait(base::Duration timeout) override {
        io_uring_cqe* first = nullptr;
        int entered = 0;
        if (timeout <= base::Duration::zero()) {
            // get_events: with DEFER_TASKRUN completions appear only when asked for.
            entered = io_uring_submit_and_get_events(&ring_);
        } else {
            __kernel_timespec limit{timeout.count() / 1'000'000'000,
                                    timeout.count() % 1'000'000'000};
            entered = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
        }
        CHECK(entered !=
              -EEXIST);  // the ring is another thread's: a reactor runs where it was made
        unsigned head = 0;
        unsigned seen = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            ++seen;
            complete(*cqe);
        }
        io_uring_cq_advance(&ring_, seen);
    }

    void wake() override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
    }

  private:
    UringBackend() = default;

    int open_ring() {
        io_uring_params params{};
        params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                       IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE;
        params.cq_entries = kQueueDepth * 8;
        int error = io_uring_queue_init_params(kQueueDepth, &ring_, &params);
        if (error == -EINVAL) {  // an older kernel: the plain ring does the same, a little slower
            params = {};
            error = io_uring_queue_init_params(kQueueDepth, &ring_, &params);
        }
        open_ = error >= 0;
        return error;
    }

    bool has_operations() {
        io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
        if (probe == nullptr) return false;
        const bool has = io_uring_opcode_supported(probe, IORING_OP_RECV) != 0 &&
                         io_uring_opcode_supported(probe, IORING_OP_SENDMSG) != 0 &&
                         io_uring_opcode_supported(probe, IORING_OP_CONNECT) != 0 &&
                         io_uring_opcode_supported(probe, IORING_OP_ASYNC_CANCEL) != 0;
        io_uring_free_probe(probe);
        // FAST_POLL (5.7): a receive waits without a kernel thread. EXT_ARG (5.11): wait() has a
        // timeout of its own; liburing would else put one into our completions.
        constexpr unsigned kNeeded = IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG;
        return has && (ring_.features & kNeeded) == kNeeded;
    }

    io_uring_sqe* next_sqe() {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        while (sqe == nullptr) {
            CHECK(io_uring_submit(&ring_) != -EEXIST);
            sqe = io_uring_get_sqe(&ring_);
        }
        return sqe;
    }

    void arm_event() {
        io_uring_sqe* sqe = next_sqe();
        io_uring_prep_read(sqe, event_, &event_count_, sizeof event_count_, 0);
        io_uring_sqe_set_data(sqe, &event_count_);
    }

    void complete(const io_uring_cqe& cqe) {
        void* const data = io_uring_cqe_get_data(&cqe);
        if (data == nullptr) return;
        if (data == &event_count_) {
            arm_event();
            return;
        }
        auto& operation = *static_cast<Operation*>(data);
        operation.result = cqe.res;
        operation.on_complete(operation);
    }

    io_uring ring_{};
    bool open_ = false;
    int event_ = -1;
    std::uint64_t event_count_ = 0;
};

}  // namespace

base::Result<std::unique_ptr<IoBackend>> make_uring_backend() { return UringBackend::create(); }

}  // namespace io
