// The one log line a job leaves when it ends.
#pragma once

namespace s3zipd {

struct JobView;
void log_end(const JobView& view);

}  // namespace s3zipd
