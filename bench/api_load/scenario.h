// The scenarios: crowds against a daemon of their own, while an honest client asks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/api_load/crowd.h"

namespace api_load {

struct Bounds {
    double p99_ms = 50;
    // By how much the daemon's resident memory may grow.
    std::uint64_t growth_bytes = 64 << 20;
};

struct Setup {
    std::string daemon;  // the program
    std::string self;    // ours
    std::string folder;  // for state and certificates
    bool tls = false;
    bool tokens = true;  // those who do harm have none
    bool small = false;  // some tenth of the clients
    unsigned seconds = 10;
    Bounds bounds{};
};

struct Outcome {
    std::string scenario;
    std::size_t clients = 0;  // wanted
    CrowdStatus crowd;        // of all crowds together, at the end
    std::uint64_t asked = 0, errors = 0, asked_again = 0;
    double p50_ms = 0, p99_ms = 0, max_ms = 0, posts_p99_ms = 0, fresh_p99_ms = 0;
    std::uint64_t before_bytes = 0, peak_bytes = 0, files = 0;
    double cpu_percent = 0;  // of one core
    double events_per_second = 0;
    double load = 0;  // of the machine, as /proc/loadavg has it
    std::vector<std::string> breaches;
};

const std::vector<std::string>& scenario_names();
// REQUIRES: one of these names.
Outcome run_scenario(const Setup& setup, const std::string& name);

}  // namespace api_load
