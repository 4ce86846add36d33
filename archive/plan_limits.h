// Bounds of what one job's plan can hold. A store that lists new keys without end, or a manifest
// file of any length, ends the job with an error before it takes the daemon's memory. Plain values
// and a pure check; thread-safe.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace archive {

struct PlanLimits {
    // The setting plan_memory: of one job, from its first listed object to its finished plan.
    std::uint64_t memory_bytes = 1ULL << 30;
    std::uint64_t objects = 50'000'000;  // in one archive
    // Keys of one listing, those that its patterns leave out included: they take no memory, but
    // without a bound a listing of them would never end.
    std::uint64_t keys_listed = 1'000'000'000;
};

// Errors: exhausted "plan_memory" and "too_many_objects", which name the limit and the setting.
base::Status check_plan(const PlanLimits& limits, std::uint64_t memory_bytes,
                        std::uint64_t objects);

}  // namespace archive
