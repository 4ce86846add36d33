#include "cli/console.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <iostream>

#include "cli/text.h"

namespace cli {

void Console::complain(std::string_view what) const {
    err << "s3zip: " << printable(what) << "\n" << std::flush;
}

Console Console::of_process() {
    winsize size{};
    const bool terminal = isatty(STDERR_FILENO) == 1;
    const bool known = terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return {std::cout, std::cerr, terminal, known ? size.ws_col : 80U};
}

}  // namespace cli
