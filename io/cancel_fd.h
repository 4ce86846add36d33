// A CancelSource as a file descriptor: for what blocks elsewhere and can poll, as a worker that
// waits for a program. Lives on the source's thread; fd() may be polled on any while this lives.
#pragma once

#include "io/cancel.h"

namespace io {

class CancelFd final : private CancelHook {
  public:
    explicit CancelFd(CancelSource* cancel);  // may be null: never cancelled
    ~CancelFd();

    // Readable once it is cancelled. -1, which polls as nothing, where there are no more to be had.
    int fd() const { return fd_; }

  private:
    void on_cancel() override;
    const int fd_;
};

}  // namespace io
