#include "io/timers.h"

namespace io {

void TimerHeap::arm(Timer& timer, base::SteadyTime due) {
    CHECK(!timer.armed());
    timer.due_ = due;
    heap_.push_back(&timer);
    timer.index_ = heap_.size() - 1;
    sift_up(timer.index_);
}

void TimerHeap::disarm(Timer& timer) {
    if (!timer.armed()) return;
    const std::size_t hole = timer.index_;
    timer.index_ = Timer::kNone;
    Timer* last = heap_.back();
    heap_.pop_back();
    if (last == &timer) return;
    place(hole, last);
    sift_up(hole);
    sift_down(last->index_);
}

void TimerHeap::fire(base::SteadyTime now) {
    while (!heap_.empty() && heap_.front()->due_ <= now) {
        Timer* timer = heap_.front();
        disarm(*timer);
        timer->on_timer();
    }
}

void TimerHeap::place(std::size_t i, Timer* timer) {
    heap_[i] = timer;
    timer->index_ = i;
}

void TimerHeap::sift_up(std::size_t i) {
    Timer* timer = heap_[i];
    while (i > 0 && timer->due_ < heap_[(i - 1) / 2]->due_) {
        place(i, heap_[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(i, timer);
}

void TimerHeap::sift_down(std::size_t i) {
    Timer* timer = heap_[i];
    for (;;) {
        std::size_t child = 2 * i + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
        if (timer->due_ <= heap_[child]->due_) break;
        place(i, heap_[child]);
        i = child;
    }
    place(i, timer);
}

}  // namespace io
