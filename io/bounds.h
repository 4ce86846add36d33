// How long something may wait, and in whose name. Passed by value to everything that talks to the
// outside.
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "io/cancel.h"

namespace io {

struct Bounds {
    base::Duration idle_timeout =
        base::Duration::max();  // of each single wait, that is: without progress
    base::SteadyTime deadline = base::SteadyTime::max();  // of all of it
    CancelSource* cancel = nullptr;

    base::SteadyTime due(base::SteadyTime now) const {
        if (idle_timeout >= base::SteadyTime::max() - now) return deadline;
        return std::min(deadline, now + idle_timeout);
    }
};

// The Error of a failed system call: result is -errno. ETIMEDOUT and ECANCELED keep their meaning
// as kinds.
base::Error io_error(int result, std::string_view what);

}  // namespace io
