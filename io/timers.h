// Timers of one reactor: a binary heap of nodes that live with whoever waits. Arming and disarming
// cost O(log n) and allocate nothing once the heap has grown. Not thread-safe.
#pragma once

#include <cstddef>
#include <vector>

#include "base/check.h"
#include "base/clock.h"

namespace io {

class Timer {
  public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    // Called once when due; the timer is disarmed by then. Must not resume anybody at once.
    virtual void on_timer() = 0;
    bool armed() const { return index_ != kNone; }

  protected:
    ~Timer() { CHECK(!armed()); }

  private:
    friend class TimerHeap;
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    base::SteadyTime due_{};
    std::size_t index_ = kNone;
};

class TimerHeap {
  public:
    void arm(Timer& timer, base::SteadyTime due);
    void disarm(Timer& timer);  // no-op unless armed
    // Fires everything due at `now`.
    void fire(base::SteadyTime now);

    bool empty() const { return heap_.empty(); }
    base::SteadyTime next_due() const { return heap_.front()->due_; }

  private:
    void sift_up(std::size_t i);
    void sift_down(std::size_t i);
    void place(std::size_t i, Timer* timer);
    std::vector<Timer*> heap_;
};

}  // namespace io
