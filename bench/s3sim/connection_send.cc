// The sending half of a Connection, and the bandwidth limit of both halves.
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>

#include "s3sim/connection.h"
#include "s3sim/worker.h"

namespace s3sim {
namespace {

constexpr std::uint64_t kSendMax = 1 << 20;
constexpr std::uint64_t kQuantumMax = 16 << 10;
constexpr std::uint64_t kHostQuantum = 64 << 10;
constexpr std::uint64_t kQuantaPerSecond = 20;  // of a slow rate: so often do some bytes move

base::SteadyTime steady_now() { return base::system_clock().steady_now(); }

}  // namespace

bool Connection::send_some() {
    if (out_.done()) {
        if (state_ == State::straying) {
            end_stray();
        } else {
            answer_sent();
        }
        return true;
    }
    if (!writable_) return false;
    if (out_.text_sent == out_.text.size() && out_.body->fd() >= 0) return send_file();
    return send_text_and_views();
}

bool Connection::send_text_and_views() {
    std::array<iovec, 16> views;
    std::size_t used = 0;
    if (out_.text_sent < out_.text.size())
        views[used++] = {out_.text.data() + out_.text_sent, out_.text.size() - out_.text_sent};
    const std::uint64_t body_bytes = out_.left > 0 ? allowance(std::min(out_.left, kSendMax)) : 0;
    if (used == 0 && body_bytes == 0) return false;
    const bool has_file = out_.body && out_.body->fd() >= 0;
    if (body_bytes > 0 && !has_file) {
        used += out_.body->gather(out_.body_offset, body_bytes, std::span(views).subspan(used));
    }
    msghdr message{};
    message.msg_iov = views.data();
    message.msg_iovlen = used;
    const ssize_t n =
        ::sendmsg(fd_, &message, MSG_NOSIGNAL | (has_file && out_.left > 0 ? MSG_MORE : 0));
    if (n < 0 && errno == EINTR) return true;
    if (n < 0 && errno == EAGAIN) {
        writable_ = false;
        return false;
    }
    if (n < 0) {
        close();
        return false;
    }
    const auto text_bytes =
        std::min<std::size_t>(static_cast<std::size_t>(n), out_.text.size() - out_.text_sent);
    out_.text_sent += text_bytes;
    const std::uint64_t body_bytes_moved = static_cast<std::size_t>(n) - text_bytes;
    out_.body_offset += body_bytes_moved;
    out_.left -= body_bytes_moved;
    moved(body_bytes_moved);
    return true;
}

bool Connection::send_file() {
    const std::uint64_t size = allowance(std::min(out_.left, kSendMax));
    if (size == 0) return false;
    auto offset = static_cast<off_t>(out_.body_offset);
    const ssize_t n = ::sendfile(fd_, out_.body->fd(), &offset, size);
    if (n < 0 && errno == EINTR) return true;
    if (n < 0 && errno == EAGAIN) {
        writable_ = false;
        return false;
    }
    if (n <= 0) {  // 0: somebody made the file shorter
        close();
        return false;
    }
    out_.body_offset += static_cast<std::uint64_t>(n);
    out_.left -= static_cast<std::uint64_t>(n);
    moved(static_cast<std::uint64_t>(n));
    return true;
}

void Connection::restart_throttle() {
    throttle_start_ = steady_now();
    throttle_moved_ = 0;
    host_grant_ = 0;
}

void Connection::moved(std::uint64_t bytes) {
    throttle_moved_ += bytes;
    host_grant_ -= std::min(host_grant_, bytes);
}

// What was granted once stays so until it has moved.
std::uint64_t Connection::host_allowance(std::uint64_t wanted) {
    HostTiming& timing = worker_.service().timing();
    SharedBandwidth& host = state_ == State::body ? timing.in : timing.out;
    if (!host.limited() || wanted == 0) return wanted;
    const auto at = steady_now();
    if (host_grant_ == 0) {
        host_grant_ = std::min(wanted, kHostQuantum);
        host_grant_at_ = host.reserve(host_grant_, at);
        if (host_grant_at_ > at) worker_.wake_at(host_grant_at_, weak_from_this());
    }
    return host_grant_at_ <= at ? std::min(wanted, host_grant_) : 0;
}

std::uint64_t Connection::allowance(std::uint64_t wanted) {
    std::uint64_t rate = worker_.options().bandwidth_per_connection;
    if (drip_ != 0 && (rate == 0 || drip_ < rate)) rate = drip_;
    if (rate == 0 || wanted == 0) return host_allowance(wanted);
    const auto quantum = std::clamp<std::uint64_t>(rate / kQuantaPerSecond, 1, kQuantumMax);
    const double seconds = std::chrono::duration<double>(steady_now() - throttle_start_).count();
    const auto due = static_cast<std::uint64_t>(seconds * static_cast<double>(rate)) + quantum;
    const std::uint64_t allowed = due > throttle_moved_ ? due - throttle_moved_ : 0;
    const std::uint64_t least = std::min(wanted, quantum);
    if (allowed >= least) return host_allowance(std::min(wanted, allowed));
    const double missing = static_cast<double>(least - allowed) / static_cast<double>(rate);
    worker_.wake_at(steady_now() + std::chrono::duration_cast<base::Duration>(
                                       std::chrono::duration<double>(missing)),
                    weak_from_this());
    return 0;
}

}  // namespace s3sim
