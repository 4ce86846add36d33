// A program started by us, with what it says, and what /proc says of it. Killed with this object,
// and with us. Not thread-safe.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <vector>

namespace api_load {

struct Usage {
    std::uint64_t resident_bytes = 0;
    std::uint64_t peak_bytes = 0;  // since forget_peak()
    std::uint64_t files = 0;
    double cpu_seconds = 0;
};

class Child {
  public:
    // argv[0] is the file; the environment is ours and `more`.
    Child(std::vector<std::string> argv, const std::vector<std::string>& more = {});
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    // What it has said since the last call; does not wait.
    std::string take_output();
    bool is_alive();
    Usage usage() const;
    void forget_peak() const;

  private:
    pid_t pid_ = -1;
    int output_ = -1;
    bool ended_ = false;
};

}  // namespace api_load
