// How long a request may stand in a line for its turn. The limits bound by how much waiting in line
// can extend the deadline of a call.
//
// Lives in the frame of the coroutine that waits, on its reactor; what it refers to outlives it.
#pragma once

#include <algorithm>
#include <string_view>

#include "io/cancel.h"
#include "io/reactor.h"
#include "s3client/traffic/bucket_traffic.h"

namespace s3client {

// A request to a bucket that answers nothing but 503 waits for this long.
constexpr base::Duration kTurnSilenceMax = std::chrono::seconds(90);
// A request to a bucket that answers some requests well and refuses others waits for this long.
constexpr base::Duration kTurnWaitMax = std::chrono::hours(1);
// A request that waits for a rate which the operator has set.
constexpr base::Duration kBudgetWaitMax = std::chrono::hours(24);

// The code of the error that ends such a wait.
constexpr std::string_view kNoTurn = "no_turn";

// Cancels source() when the wait has become too long, and when the parent is cancelled.
class TurnLimit final : private io::Timer {
  public:
    // `lane`: the bucket's; null for a rate that is set. `since`: when the call began.
    TurnLimit(io::Reactor& reactor, io::CancelSource* parent, base::Duration wait_max,
              const RateLane* lane = nullptr, base::SteadyTime since = {})
        : reactor_(reactor),
          cancel_(parent),
          joined_(reactor.now()),
          wait_max_(wait_max),
          lane_(lane),
          since_(since) {
        reactor_.timers().arm(*this, next_look());
    }
    ~TurnLimit() { reactor_.timers().disarm(*this); }

    io::CancelSource* source() { return &cancel_.source(); }
    bool expired() const { return expired_; }
    base::Duration waited() const { return reactor_.now() - joined_; }

  private:
    base::SteadyTime due() const {
        const base::SteadyTime last = joined_ + wait_max_;
        if (lane_ == nullptr) return last;
        const auto refusing = lane_->refusing_since(reactor_.now());
        if (!refusing) return last;
        return std::min(last, std::max(since_, *refusing) + kTurnSilenceMax);
    }
    // The bucket may begin to refuse everything while the request waits.
    base::SteadyTime next_look() const {
        return std::min(due(), reactor_.now() + kTurnSilenceMax / 4);
    }
    void on_timer() override {
        if (reactor_.now() < due()) return reactor_.timers().arm(*this, next_look());
        expired_ = true;
        cancel_.cancel();
    }

    io::Reactor& reactor_;
    io::LinkedCancel cancel_;
    const base::SteadyTime joined_;
    const base::Duration wait_max_;
    const RateLane* lane_;
    const base::SteadyTime since_;
    bool expired_ = false;
};

}  // namespace s3client
