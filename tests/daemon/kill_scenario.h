// What one run of daemon_kill_runs does, drawn from its seed: the jobs, how S3 is that day, how the
// daemon is set up in each of its lives, and what ends each life. Pure: the same seed, the same
// scenario.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace s3zipd {

struct KillObject {
    std::string key;
    std::size_t offset = 0, size = 0;  // its bytes, in kill_pool()
};

struct KillJob {
    std::string key;                  // of the archive, in "out"; no other job's
    std::string prefix;               // of its objects, in "src"
    std::vector<KillObject> objects;  // by key, as they stand in the archive
    bool named = false;               // the request names them, and not the prefix
    std::string idempotency_key;      // empty: none
    bool notify = false;
    bool overwrite = false;
    int priority = 0;
    std::string part_size;                    // empty: the daemon chooses
    std::chrono::milliseconds post_after{0};  // the one before it was
    std::optional<std::chrono::milliseconds> cancel_after;

    // What is posted; notify_url where it wants to be told.
    std::string body(const std::string& notify_url) const;
};

// What ends a life.
struct Pull {
    enum class When : std::uint8_t {
        time,      // `after` the daemon's start
        request,   // S3 sees the n-th `operation`: as it comes, or once executed
        delivery,  // the n-th notification has come, and is not answered yet
        accepted,  // the n-th 202 has been read
        end,       // all jobs have ended
    };
    When when = When::time;
    bool kill = true;  // else SIGTERM
    std::chrono::milliseconds after{0};
    std::string operation{};
    bool executed = false;
    unsigned nth = 1;

    std::string to_string() const;
};

struct Life {
    unsigned reactors = 1;
    unsigned memory_mib = 32;
    unsigned running_max = 2;
    unsigned drain_seconds = 0;
    std::optional<Pull> pull;  // the last life has none, that before it ends when all has
    bool quiet_first = true;   // it begins when S3 has heard the last of the one before
};

struct KillScenario {
    std::uint64_t seed = 0;
    std::vector<KillJob> jobs;
    std::vector<Life> lives;
    std::string faults;   // a fault plan of s3sim
    std::string latency;  // as s3sim's option
    std::uint64_t bandwidth_per_connection = 0;
    unsigned fail_deliveries = 0;  // the first few of each job
    bool cut_deliveries = false;
};

KillScenario draw_scenario(std::uint64_t seed);

// The bytes that all objects are cut from. Made once.
const std::string& kill_pool();

// The archive of these objects, byte for byte, by the writer in tests/zip; `timestamps: fixed`.
std::string reference_of(const KillJob& job);

}  // namespace s3zipd
