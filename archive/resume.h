// What of a job's history this process can go on with. Pure; call it off the reactors, since it
// plans again.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "archive/job_record.h"
#include "archive/plan.h"
#include "archive/request.h"

namespace archive {

struct Resumption {
    std::shared_ptr<const Plan> plan;  // null: the job must be planned anew
    std::string why_not;               // then
    std::vector<PartRecord> parts;     // of those that fit the plan, by rising number
};
Resumption resume_plan(const JobHistory& history, const ArchiveRequest& request,
                       std::uint64_t memory_max);

// The CRC-32 of the archive, if the parts are all of it.
std::optional<std::uint32_t> crc32_of_all(const Plan& plan, const std::vector<PartRecord>& parts);

}  // namespace archive
