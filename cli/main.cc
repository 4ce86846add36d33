// s3zip: archives of S3 objects, from the command line.
#include <iostream>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/local.h"
#include "cli/remote.h"

int main(int argc, char** argv) {
    const auto arguments = cli::parse_arguments({argv + 1, argv + argc});
    if (!arguments) {
        (arguments.error().code == cli::kDone ? std::cout : std::cerr) << arguments.error().text;
        return arguments.error().code;
    }
    base::set_log_level(base::LogLevel::warn);  // what people type shows results, not events
    const cli::Console console = cli::Console::of_process();
    if (cli::needs_no_daemon(*arguments)) {
        return cli::run_local(*arguments, console, base::system_clock(),
                              s3client::process_environment());
    }
    return cli::run_remote(*arguments, console, base::system_clock());
}
