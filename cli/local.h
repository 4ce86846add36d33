// The commands that need no daemon: create --local, plan --local, verify. Each owns an engine for
// as long as it runs, blocks until it is done and returns the exit code.
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "s3client/environment.h"

namespace cli {

int run_local(const Arguments& arguments, const Console& console, base::Clock& clock,
              const s3client::Environment& environment);

// 3 when S3 gave no answer at all or its certificate is not trusted, else 1.
int exit_code_of(const base::Error& error);

}  // namespace cli
