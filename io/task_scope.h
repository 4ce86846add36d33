// A TaskScope owns what is spawned in it: tasks run side by side, and join() waits for all of them.
// It must be joined before it dies; there is no detaching. Tasks start through the ready queue, not
// inside spawn().
#pragma once

#include "io/reactor.h"
#include "io/sync.h"
#include "io/task.h"

namespace io {

class TaskScope {
  public:
    explicit TaskScope(Reactor& reactor) : reactor_(reactor), ended_(reactor) {}
    ~TaskScope() { CHECK(running_ == 0); }
    TaskScope(const TaskScope&) = delete;
    TaskScope& operator=(const TaskScope&) = delete;

    void spawn(Task<void> task);
    // Waits, without a bound of its own: what runs has bounds.
    Task<void> join();
    std::size_t running() const { return running_; }

  private:
    struct Root;
    static Root drive(TaskScope& scope, Task<void> task);
    Reactor& reactor_;
    Condition ended_;
    std::size_t running_ = 0;
};

}  // namespace io
