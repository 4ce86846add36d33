// Faults by chance: what the n-th request that a rule looks at gets. Pure functions of seed and n,
// so that a run with the same order of requests meets the same faults.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "s3sim/faults.h"

namespace s3sim {

// A storm's own mix: bad days that a client survives by trying again. What it must not survive
// (wrong-etag), what takes its time-out (stall) and what asks for more than a retry (skew, ...)
// is for kinds=.
inline constexpr std::array kStormKinds = {
    FaultKind::status,      FaultKind::status,      FaultKind::reset,       FaultKind::reset_early,
    FaultKind::reset_after, FaultKind::lost_answer, FaultKind::short_body,  FaultKind::close,
    FaultKind::delay,       FaultKind::error_200,   FaultKind::truncate_xml};

bool hits(std::uint64_t seed, std::uint64_t n, double rate);
// Nothing if none of the kinds can hurt the target.
std::optional<Fault> draw_fault(std::uint64_t seed, std::uint64_t n,
                                std::span<const FaultKind> kinds, const FaultTarget& target);

}  // namespace s3sim
