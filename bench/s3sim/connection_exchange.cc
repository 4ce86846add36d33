// Faults of a Connection's exchanges: answers that come twice, early, late, with bytes behind them
// or cut anywhere.
#include <algorithm>
#include <array>
#include <utility>

#include "s3sim/connection.h"
#include "s3sim/worker.h"

namespace s3sim {
namespace {

// What may be copied in order to go out in one segment with something else.
constexpr std::uint64_t kFlatMax = 1 << 20;

base::SteadyTime steady_now() { return base::system_clock().steady_now(); }

std::string_view tail_bytes(std::string_view variant) {
    if (variant == "crlf") return "\r\n";
    if (variant == "status") return "HTTP/1.1 200 O";
    return "these bytes belong to no answer";
}

}  // namespace

// Moves the body into the text, if it is small.
bool Connection::Outgoing::flatten() {
    if (left == 0) return true;
    if (left > kFlatMax) return false;
    const auto copied =
        for_each_chunk(*body, body_offset, left, [this](base::ByteView bytes) -> base::Status {
            text += base::as_text(bytes);
            return {};
        });
    left = 0;
    return copied.has_value();
}

void Connection::Outgoing::cut_at(std::uint64_t bytes) {
    if (bytes < text.size()) text.resize(bytes);
    left = std::min(left, bytes - std::min<std::uint64_t>(bytes, text.size()));
}

// What a fault does to the answer in out_, which has not been sent yet.
void Connection::alter_exchange() {
    const Fault& fault = *exchange_->fault;
    switch (fault.kind) {
        case FaultKind::double_answer: return add_stray(out_, fault);
        case FaultKind::late: {
            auto stale = worker_.service().stale_answer(*exchange_);
            return add_stray(stale ? outgoing(std::move(*stale)) : out_, fault);
        }
        case FaultKind::tail: {
            Outgoing tail;
            tail.text = tail_bytes(fault.code);
            return add_stray(std::move(tail), fault);
        }
        case FaultKind::cut:
            return out_.cut_at(fault.code == "last" ? out_.text.size() + out_.left - 1
                                                    : fault.number);
        default: return;
    }
}

// Bytes to follow the answer in out_.
void Connection::add_stray(Outgoing out, const Fault& fault) {
    const bool at_once = fault.number == 0 && fault.code != "next";
    if (at_once && out_.flatten() && out.flatten()) {
        out_.text += out.text;
        return;
    }
    Stray stray;
    stray.out = std::move(out);
    stray.with_next = fault.code == "next";
    if (!stray.with_next) stray.delay = std::chrono::microseconds(fault.number);
    strays_.push_back(std::move(stray));
}

// The answer has been sent: their time begins.
void Connection::arm_strays() {
    for (Stray& stray : strays_) {
        if (!stray.delay) continue;
        stray.at = steady_now() + *std::exchange(stray.delay, std::nullopt);
        worker_.wake_at(stray.at, weak_from_this());
    }
}

// Between two answers, or before one that has not begun.
bool Connection::stray_is_due() const {
    if (strays_.empty() || strays_.front().with_next || strays_.front().delay) return false;
    const bool between = state_ == State::head || state_ == State::body || state_ == State::delayed;
    return between && strays_.front().at <= steady_now();
}

void Connection::begin_stray() {
    std::swap(out_, strays_.front().out);
    resume_ = std::exchange(state_, State::straying);
    restart_throttle();
}

void Connection::end_stray() {
    out_ = std::move(strays_.front().out);
    strays_.pop_front();
    state_ = resume_;
    restart_throttle();
}

// The answer goes out before the body is read.
void Connection::answer_early() {
    Stray answer;
    answer.out = outgoing(worker_.service().early_answer(*exchange_));
    strays_.push_back(std::move(answer));
    if (!exchange_->fault->code.starts_with("stored")) exchange_->writer = make_discarding_writer();
    answered_early_ = true;
}

// The body is there. A body that is stored in files blocks this worker while it is moved.
void Connection::finish_early() {
    answered_early_ = false;
    const Fault& fault = *exchange_->fault;
    if (fault.code.starts_with("stored")) (void)worker_.service().finish(*exchange_);
    const bool closes = fault.code.ends_with("close") || !exchange_->request.keep_alive;
    ending_ = closes ? Ending::close : Ending::next_request;
    answer_sent();
}

}  // namespace s3sim
