#include "archive/plan_limits.h"

#include <fmt/format.h>

namespace archive {

base::Status check_plan(const PlanLimits& limits, std::uint64_t memory_bytes,
                        std::uint64_t objects) {
    if (memory_bytes > limits.memory_bytes) {
        return base::fail(
            base::ErrorKind::exhausted, "plan_memory",
            fmt::format("the plan of the job needs more memory than plan_memory, {} bytes, after "
                        "{} objects: raise plan_memory, or split the job",
                        limits.memory_bytes, objects));
    }
    if (objects > limits.objects) {
        return base::fail(base::ErrorKind::exhausted, "too_many_objects",
                          fmt::format("the job has more than {} objects, which is the most in one "
                                      "archive: split the job",
                                      limits.objects));
    }
    return {};
}

}  // namespace archive
