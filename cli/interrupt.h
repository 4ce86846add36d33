// Ctrl-C (SIGINT) and SIGTERM as a flag, while a job is being waited for. A second signal ends the
// process as usual. One at a time per process; install and ask on any thread.
#pragma once

namespace cli {

class InterruptScope {
  public:
    InterruptScope();
    ~InterruptScope();  // the handlers from before come back
    InterruptScope(const InterruptScope&) = delete;
    InterruptScope& operator=(const InterruptScope&) = delete;

    static bool interrupted();
};

}  // namespace cli
