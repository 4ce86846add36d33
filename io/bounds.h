// How long something may wait, and in whose name. Passed by value to everything that talks to the
// outside.
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "io/cancel.h"
#include "io/pace.h"

namespace io {

struct Bounds {
    base::Duration idle_timeout =
        base::Duration::max();  // of each single wait, that is: without progress
    base::SteadyTime deadline = base::SteadyTime::max();  // of all of it
    CancelSource* cancel = nullptr;
    Pace* pace = nullptr;  // of the transfer that a wait is part of

    base::SteadyTime due(base::SteadyTime now) const {
        const base::SteadyTime last = pace == nullptr ? deadline : std::min(deadline, pace->due());
        if (idle_timeout >= base::SteadyTime::max() - now) return last;
        return std::min(last, now + idle_timeout);
    }
    // No more time, whether or not there is anything to wait for.
    bool expired(base::SteadyTime now) const {
        return now >= deadline || (pace != nullptr && pace->expired(now));
    }
};

// The Error of a failed system call: result is -errno. ETIMEDOUT and ECANCELED keep their meaning
// as kinds.
base::Error io_error(int result, std::string_view what);

}  // namespace io
