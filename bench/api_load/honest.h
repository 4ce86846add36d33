// The honest client: mixed requests in an open loop, some on connections that are kept alive, some
// on fresh ones. How long one takes is counted from when it was due, so that a server that stalls
// is not spared the requests that had to wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/api_load/peer.h"

namespace api_load {

struct HonestPlan {
    unsigned per_second = 100;
    std::string token;
    std::vector<std::string> jobs{};  // to be asked for
};

struct HonestResult {
    std::vector<double> all_ms, posts_ms, fresh_ms;  // not sorted; in the order of the answers
    std::uint64_t asked = 0;
    // A kept connection that was closed before it heard our request: asked once more.
    std::uint64_t asked_again = 0;
    std::vector<std::string> errors;  // what went wrong, each
};

// Asks until `stop`, then waits for the answers that are due.
HonestResult run_honest(const Target& target, const HonestPlan& plan,
                        const std::atomic<bool>& stop);

}  // namespace api_load
