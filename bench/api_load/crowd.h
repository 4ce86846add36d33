// A crowd of clients that all do the same harm (or watch events), kept at its number: who is cut
// comes again. Runs in a process of its own, since one process may not open so many files, and so
// that its work is not in the honest client's way; says every 100 ms on standard output how it
// goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/api_load/peer.h"

namespace api_load {

enum class Behaviour : std::uint8_t {
    half_open,     // says nothing, or a part of a head (over TLS: or of a handshake)
    slowloris,     // one byte of its headers a second
    big_headers,   // a megabyte of headers
    slow_bodies,   // one byte of its body a second
    slow_readers,  // asks a lot, reads nothing
    events,        // watches a job, and reads
};

struct CrowdPlan {
    Behaviour behaviour = Behaviour::half_open;
    std::size_t clients = 0;
    std::size_t opens_per_second = 5'000;
    std::uint32_t source = 1;  // its first address
    std::string token;         // empty: they have none
    std::vector<std::string> jobs{};
};

struct CrowdStatus {
    std::uint64_t open = 0;      // connected now
    std::uint64_t opened = 0;    // times somebody was
    std::uint64_t cut = 0;       // by the server
    std::uint64_t events = 0;    // received
    std::uint64_t watching = 0;  // clients that have received one, or more
};
std::string to_line(const CrowdStatus& status);
bool read_line(const std::string& line, CrowdStatus& status);

// Until standard output is closed.
void run_crowd(const Target& target, const CrowdPlan& plan);

}  // namespace api_load
