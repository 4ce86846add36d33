// Where the command writes: results to out; progress, hints and errors to err. Tests bring string
// streams.
#pragma once

#include <ostream>
#include <string_view>

namespace cli {

struct Console {
    std::ostream& out;
    std::ostream& err;
    bool err_is_terminal = false;
    unsigned width = 80;  // of the terminal behind err

    // "s3zip: what" on err.
    void complain(std::string_view what) const;

    static Console of_process();  // std::cout and std::cerr, the terminal's width as of now
};

}  // namespace cli
