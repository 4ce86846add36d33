// A command against a daemon, in the test's process.
#pragma once

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "cli/remote.h"

namespace cli_test {

struct Outcome {
    int code = -1;
    std::string out, err;
};

inline Outcome run(const std::string& url, std::vector<std::string> words) {
    words.insert(words.begin(), {"--daemon", url});
    const auto arguments = cli::parse_arguments(words);
    if (!arguments) return {arguments.error().code, "", arguments.error().text};
    std::ostringstream out, err;
    const cli::Console console{out, err, false, 80};
    const int code = cli::run_remote(*arguments, console, base::system_clock());
    return {code, out.str(), err.str()};
}

// Sets a variable for as long as it lives.
class ScopedVariable {
  public:
    ScopedVariable(std::string name, const std::string& value) : name_(std::move(name)) {
        setenv(name_.c_str(), value.c_str(), 1);
    }
    ~ScopedVariable() { unsetenv(name_.c_str()); }
    ScopedVariable(const ScopedVariable&) = delete;
    ScopedVariable& operator=(const ScopedVariable&) = delete;

  private:
    std::string name_;
};

}  // namespace cli_test
