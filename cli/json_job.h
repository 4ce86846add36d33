// The daemon's JSON to views and, for jobs that run in this process, views to the same JSON.
// Reading is tolerant: what is missing or of another type keeps its default, what is unknown is
// passed over, so that an older command works with a newer daemon. Errors (corrupt "bad_answer")
// only for what is no JSON object at all.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/engine.h"
#include "base/error.h"
#include "cli/job_view.h"

namespace cli {

base::Result<JobView> job_from_json(std::string_view text);
base::Result<std::vector<JobView>> jobs_from_json(std::string_view text);  // {"archives": [...]}
base::Result<PlanView> plan_from_json(std::string_view text);
Problem problem_from_json(std::string_view text);  // of anything: an unreadable one is empty

// A `progress` event holds either a job or only its progress; updates what it names.
void apply_event(std::string_view text, JobView& job);

// The daemon shows the first objects of a long list only. This is the job's text with all of them,
// asked for page by page; the text itself if nothing is cut. `fetch` GETs a path of the daemon.
using FetchText = std::function<base::Result<std::string>(const std::string& target)>;
base::Result<std::string> whole_job_text(std::string text, const FetchText& fetch);

std::string job_json(const JobView& job, const archive::ArchiveRequest& request);
std::string plan_json(const archive::PlanSummary& plan);

}  // namespace cli
