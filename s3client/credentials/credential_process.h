// credential_process: a program of the user's that prints credentials. No shell is involved: the
// command is split by a shell's rules for quotes and blanks, and nothing of it is expanded.
//
// run_process() blocks up to its timeout: for a WorkerThread, never a reactor. The program gets our
// environment, no input, and a process group of its own, which is killed when its time is up.
// Errors quote the front of what it wrote to stderr and never its output.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace s3client {

// Errors: invalid "bad_command": an open quote, nothing at all.
base::Result<std::vector<std::string>> split_command(std::string_view command);

struct ProcessLimits {
    base::Duration timeout = std::chrono::seconds(30);
    std::size_t output_max_bytes = 64 << 10;
    int stop_fd = -1;  // readable: it is to end now. The caller's, open until run_process() ends
};
inline constexpr std::size_t kStderrShown_bytes = 200;

// What it printed. Errors: "process_failed" (cannot be run, other exit status than 0, too much
// output), "process_timeout", "cancelled". REQUIRES !argv.empty().
base::Result<std::string> run_process(const std::vector<std::string>& argv,
                                      const ProcessLimits& limits);

}  // namespace s3client
