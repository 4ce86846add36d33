// The commands that talk to a daemon. Blocks until the command is done; returns the exit code.
#pragma once

#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/console.h"

namespace cli {

int run_remote(const Arguments& arguments, const Console& console, base::Clock& clock);

}  // namespace cli
