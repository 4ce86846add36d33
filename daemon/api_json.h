// What the API says, in JSON: jobs, lists of them, plans, problems, the version. Pure functions to
// text.
//
// A request may name 200,000 objects and an archive may have skipped or renamed as many, so lists
// are cut to `objects_shown`; then `objects_total`, `skipped_total` or `renamed_total` beside them
// says how many there were. api_report.h has the rest.
#pragma once

#include <cstddef>
#include <string>

#include "archive/engine.h"
#include "daemon/job_service.h"

namespace s3zipd {

std::string job_json(const JobView& view, std::size_t objects_shown);
std::string page_json(const JobPage& page);
std::string plan_json(const archive::PlanSummary& plan);
std::string version_json(const archive::EngineStats& stats);
std::string status_json(std::string_view status);
std::string download_json(const std::string& url);

}  // namespace s3zipd
