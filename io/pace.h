// Pace measures whether a transfer makes progress: a minimum of bytes within a window of time. A
// peer that sends a byte now and then keeps every single wait short and makes no progress.
//
// The system calls count what they move (operation_await.h) for the Pace of their Bounds, and end
// with ETIMEDOUT when it has expired. A Pace may have an outer one, to which every byte counts as
// well: that of one connection within that of a call. Not thread-safe; it outlives the waits that
// refer to it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace io {

class Pace {
  public:
    // `bytes_min` within `window`; the first window begins now.
    Pace(base::Duration window, std::uint64_t bytes_min, base::SteadyTime now,
         Pace* outer = nullptr)
        : window_(window),
          bytes_min_(std::max<std::uint64_t>(1, bytes_min)),
          outer_(outer),
          since_(now),
          marked_at_(now) {}

    base::SteadyTime due() const {
        const base::SteadyTime own = since_ + window_;
        return outer_ == nullptr ? own : std::min(own, outer_->due());
    }
    bool expired(base::SteadyTime now) const { return now >= due(); }
    // When there was progress last.
    base::SteadyTime since() const { return since_; }

    void moved(std::uint64_t bytes, base::SteadyTime now) {
        if (outer_ != nullptr) outer_->moved(bytes, now);
        bytes_ += bytes;
        if (bytes_ >= bytes_min_ || (any_byte_ && bytes > 0)) mark(now);
    }
    // While on, any byte is progress: the peer sends some to keep the connection while it works.
    void keep_alive(bool on) {
        if (outer_ != nullptr) outer_->keep_alive(on);
        any_byte_ = on;
    }
    // A wait that says nothing about the peer.
    void pause(base::Duration lasted) {
        since_ += lasted;
        marked_at_ += lasted;
    }
    // Transfers from now on what was transferred before, in vain. While that moves the time stands
    // still, and a transfer that is repeated without an answer does not go on without end.
    void repeat(base::SteadyTime now) {
        repeats_ = true;
        bytes_ = 0;
        marked_at_ = now;
    }

  private:
    void mark(base::SteadyTime now) {
        bytes_ = 0;
        since_ = repeats_ ? since_ + (now - marked_at_) : now;
        marked_at_ = now;
    }

    const base::Duration window_;
    const std::uint64_t bytes_min_;
    Pace* const outer_;
    base::SteadyTime since_, marked_at_;
    std::uint64_t bytes_ = 0;  // since the last mark
    bool repeats_ = false, any_byte_ = false;
};

}  // namespace io
