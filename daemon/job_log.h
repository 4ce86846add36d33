// The log lines of a job: accepted, started, ended. Each has its id as `job`, as have those that
// archive/ and the notifier write of it, so that a search for the id tells its story.
#pragma once

#include <string>

#include "base/clock.h"

namespace s3zipd {

struct JobView;
void log_accepted(const JobView& view);
void log_start(const std::string& id, base::Duration waited);
void log_end(const JobView& view);

}  // namespace s3zipd
