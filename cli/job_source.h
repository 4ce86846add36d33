// Views of jobs that run in this process.
#pragma once

#include "archive/engine.h"
#include "base/clock.h"
#include "cli/job_view.h"

namespace cli {

RequestTally tally_of(const s3client::RequestCounts& counts);
ReportView report_view(const archive::ObjectReport& report);
PlanView plan_view(const archive::PlanSummary& plan);

// bytes_per_second: as measured by the caller; the time left follows from it.
JobView view_of(const archive::ArchiveRequest& request, const archive::JobSnapshot& snapshot,
                double bytes_per_second);

}  // namespace cli
