#include "s3sim/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "s3sim/stats.h"
#include "s3sim/worker.h"

namespace s3sim {
namespace {

using namespace std::chrono_literals;

constexpr int kStepsPerTurn = 8;
constexpr std::size_t kReceiveMax = 512 << 10;
constexpr auto kLingerTime = 2s;

base::SteadyTime steady_now() { return base::system_clock().steady_now(); }

}  // namespace

Connection::Connection(Worker& worker, int fd)
    : worker_(worker), fd_(fd), idle_since_(steady_now()) {
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    worker_.counters().connected();
}

Connection::~Connection() {
    if (fd_ >= 0) {
        ::close(fd_);
        worker_.counters().disconnected();
    }
}

void Connection::on_events(std::uint32_t events) {
    if (state_ == State::closed) return;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
    const bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLRDHUP) != 0) peer_done_ = true;
    if (gone || (peer_done_ && state_ == State::stalled)) return close();
    run();
}

void Connection::run() {
    for (int step = 0; step < kStepsPerTurn; ++step) {
        bool moved = false;
        if (stray_is_due()) begin_stray();
        switch (state_) {
            case State::head: moved = read_head(); break;
            case State::body: moved = read_body(); break;
            case State::sending:
            case State::straying: moved = send_some(); break;
            case State::lingering: moved = linger(); break;
            case State::delayed:
                if (steady_now() >= send_at_) {
                    state_ = State::sending;
                    restart_throttle();
                    moved = true;
                }
                break;
            case State::executing:
            case State::stalled:
            case State::closed: break;
        }
        if (!moved) return;
    }
    worker_.make_ready(shared_from_this());
}

// One recv. False when there is nothing now, or the connection is over (then it is closed).
bool Connection::receive(void* to, std::size_t size, std::size_t& got) {
    if (!readable_) return false;
    const ssize_t n = ::recv(fd_, to, size, 0);
    if (n > 0) {
        got = static_cast<std::size_t>(n);
        // The next edge will tell; but after the peer's last there is none, so then read on.
        if (got < size && !peer_done_) readable_ = false;
        return true;
    }
    if (n < 0 && errno == EINTR) return receive(to, size, got);
    if (n < 0 && errno == EAGAIN) {
        readable_ = false;
        return false;
    }
    close();
    return false;
}

bool Connection::read_head() {
    while (head_used_ >= 2 && head_[0] == '\r' &&
           head_[1] == '\n') {  // RFC 9112, 2.2: empty lines before a request
        std::memmove(head_.data(), head_.data() + 2, head_used_ -= 2);
        head_scanned_ = 0;
    }
    const std::string_view text(head_.data(), head_used_);
    const auto end = text.find("\r\n\r\n", head_scanned_ < 3 ? 0 : head_scanned_ - 3);
    if (end != std::string_view::npos) {
        start_exchange(end + 4);
        return true;
    }
    head_scanned_ = head_used_;
    if (head_used_ == head_.size()) {
        start_exchange(head_used_);  // will not parse
        return true;
    }
    std::size_t got = 0;
    if (!receive(head_.data() + head_used_, head_.size() - head_used_, got)) {
        if (head_used_ == 0 && state_ != State::closed && idle_too_long()) close();
        return false;
    }
    head_used_ += got;
    return true;
}

void Connection::start_exchange(std::size_t head_size) {
    exchange_ = std::make_unique<Exchange>();
    head_consumed_ = head_size;
    if (!parse_head({head_.data(), head_size}, exchange_->request)) {
        Response bad = xml_response(
            error_xml({400, "BadRequest", "This is not a request of HTTP/1.1.", {}}, "", ""), 400);
        bad.close = true;
        return respond(std::move(bad));
    }
    worker_.service().begin(*exchange_);
    if (exchange_->fault && exchange_->fault->kind == FaultKind::reset_early) return reset();
    body_left_ = exchange_->request.body_size();
    if (exchange_->request.expect_continue && body_left_ > 0) {
        if (exchange_->refusal) {  // the client will not send its body: answer, and part
            exchange_->refusal->close = true;
            body_left_ = 0;
        } else {
            constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
            if (::send(fd_, kContinue.data(), kContinue.size(), MSG_NOSIGNAL) !=
                ssize_t(kContinue.size())) {
                return close();
            }
        }
    }
    restart_throttle();
    state_ = State::body;
    for (Stray& stray : strays_) stray.with_next = false;  // this is the next: they are due
    const auto& fault = exchange_->fault;
    if (fault && fault->kind == FaultKind::early && body_left_ > 0 && !exchange_->refusal)
        answer_early();
}

bool Connection::read_body() {
    if (body_left_ == 0) {
        body_done();
        return true;
    }
    if (head_used_ > head_consumed_) {
        const auto n = std::min<std::uint64_t>(body_left_, head_used_ - head_consumed_);
        take_body({reinterpret_cast<const std::byte*>(head_.data()) + head_consumed_, n}, false);
        head_consumed_ += n;
        return true;
    }
    const base::Bytes window =
        exchange_->chunks ? worker_.scratch() : exchange_->writer->window(worker_.scratch());
    const std::uint64_t size =
        allowance(std::min<std::uint64_t>({window.size(), body_left_, kReceiveMax}));
    std::size_t got = 0;
    if (size == 0 || !receive(window.data(), size, got)) return false;
    take_body(window.first(got), true);
    return true;
}

void Connection::take_body(base::ByteView bytes, bool in_window) {
    Exchange& exchange = *exchange_;
    worker_.counters().add_in(bytes.size());
    moved(bytes.size());
    body_left_ -= bytes.size();
    if (exchange.chunks && !exchange.refusal)
        return take_chunks(exchange, bytes, worker_.scratch());
    take_bytes(exchange, bytes, in_window, worker_.scratch());
}

void Connection::body_done() {
    if (answered_early_) return finish_early();
    const auto fault = exchange_->fault;
    if (fault && fault->kind == FaultKind::reset) return reset();
    if (fault && fault->kind == FaultKind::stall) {
        state_ = State::stalled;
        return;
    }
    if (!worker_.service().blocks(*exchange_)) return respond(worker_.service().finish(*exchange_));
    state_ = State::executing;
    worker_.slow().post([self = shared_from_this()] {
        auto response =
            std::make_shared<Response>(self->worker_.service().finish(*self->exchange_));
        self->worker_.post([self, response] {
            if (self->state_ == State::closed) return;
            self->respond(std::move(*response));
            self->run();
        });
    });
}

// What becomes of the connection after the answer, and how much of the answer is sent at all.
void Connection::plan_ending(Response& response) {
    ending_ = Ending::next_request;
    if (response.close || !exchange_->request.keep_alive) {
        response.close = true;
        ending_ = Ending::close;
    }
    if (!exchange_->fault) return;
    const FaultKind kind = exchange_->fault->kind;
    if (kind == FaultKind::close) ending_ = Ending::close;
    if (kind == FaultKind::short_body || kind == FaultKind::cut) ending_ = Ending::close;
    if (kind == FaultKind::reset_after) ending_ = Ending::reset;
    if (kind == FaultKind::stall_after) ending_ = Ending::stall;
}

Connection::Outgoing Connection::outgoing(Response response) const {
    Outgoing out;
    const std::string& id =
        response.request_id.empty() ? exchange_->request_id : response.request_id;
    out.text = serialize_head(response, id, worker_.service().now());
    out.text += response.text;
    out.body = std::move(response.body);
    out.body_offset = response.offset;
    out.left = out.body ? response.length : 0;
    return out;
}

void Connection::respond(Response response) {
    const auto fault = exchange_->fault;
    if (fault && fault->kind == FaultKind::lost_answer) return reset();
    if (fault && fault->kind == FaultKind::late && fault->code == "held") {
        state_ = State::stalled;
        return;
    }
    plan_ending(response);
    const int status = response.status;
    const bool cut =
        fault && (fault->kind == FaultKind::short_body || fault->kind == FaultKind::reset_after ||
                  fault->kind == FaultKind::stall_after);
    const std::uint64_t limit = cut ? fault->number : UINT64_MAX;
    const std::size_t text_size = std::min<std::uint64_t>(limit, response.text.size());
    const std::size_t text_cut = response.text.size() - text_size;
    out_ = outgoing(std::move(response));
    out_.text.resize(out_.text.size() - text_cut);
    out_.left = std::min(limit, out_.left);
    counted_out_ = out_.left + text_size;
    worker_.counters().answered(exchange_->operation, status);
    worker_.counters().add_out(counted_out_);
    if (fault) alter_exchange();

    base::Duration delay{0};
    if (exchange_->operation != Operation::Control) {
        delay = std::chrono::milliseconds(worker_.options().latency_ms) +
                worker_.service().timing().next_latency();
    }
    if (fault && fault->kind == FaultKind::delay) delay += std::chrono::milliseconds(fault->number);
    drip_ = fault && fault->kind == FaultKind::drip ? fault->number : 0;
    state_ = State::sending;
    restart_throttle();
    if (delay.count() > 0) {
        send_at_ = steady_now() + delay;
        state_ = State::delayed;
        worker_.wake_at(send_at_, weak_from_this());
    }
}

void Connection::answer_sent() {
    counted_out_ = 0;
    drip_ = 0;
    out_ = {};
    switch (ending_) {
        case Ending::reset: return reset();
        case Ending::stall: state_ = State::stalled; return;
        case Ending::close:
            ::shutdown(fd_, SHUT_WR);
            state_ = State::lingering;  // unread bytes would turn the close into a reset and could
                                        // take the answer along
            send_at_ = steady_now() + kLingerTime;
            worker_.wake_at(send_at_, weak_from_this());
            return;
        case Ending::next_request: break;
    }
    exchange_.reset();
    arm_strays();
    std::memmove(head_.data(), head_.data() + head_consumed_, head_used_ - head_consumed_);
    head_used_ -= head_consumed_;
    head_consumed_ = head_scanned_ = 0;
    idle_since_ = steady_now();
    state_ = State::head;
}

bool Connection::linger() {
    if (steady_now() >= send_at_) {
        close();
        return false;
    }
    std::size_t ignored = 0;
    return receive(worker_.scratch().data(), worker_.scratch().size(), ignored);
}

void Connection::reset() {
    const struct linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

void Connection::close() {
    if (state_ == State::closed) return;
    if (state_ == State::body && body_left_ > 0) worker_.service().abandon(*exchange_);
    const Outgoing& answer = state_ == State::straying ? strays_.front().out : out_;
    worker_.counters().add_out(0 - (counted_out_ == 0 ? 0 : answer.left));
    state_ = State::closed;
    worker_.closing(this, fd_);
    ::close(fd_);
    fd_ = -1;
    worker_.counters().disconnected();
    out_ = {};
    strays_.clear();
}

// True if the connection has been idle for too long; else sees to it that it is looked at when it
// will have been.
bool Connection::idle_too_long() {
    const auto timeout = std::chrono::milliseconds(worker_.options().idle_timeout_ms);
    if (timeout.count() == 0 || readable_) return false;
    const auto now = steady_now();
    if (now >= idle_since_ + timeout) return true;
    if (idle_check_at_ <= now) {
        idle_check_at_ = idle_since_ + timeout;
        worker_.wake_at(idle_check_at_, weak_from_this());
    }
    return false;
}

}  // namespace s3sim
