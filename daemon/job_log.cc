#include "daemon/job_log.h"

#include <fmt/format.h>

#include "base/log.h"
#include "daemon/job_service.h"

namespace s3zipd {

void log_end(const JobView& view) {
    const archive::JobSnapshot& s = view.snapshot;
    const auto& destination = view.job->request().destination;
    const std::int64_t duration_ms =
        s.started_at && s.finished_at ? (*s.finished_at - *s.started_at).count() : 0;
    const std::string target = fmt::format("s3://{}/{}", destination.bucket, destination.key);
    const std::string cost = fmt::format("{:.6f}", s3client::cost_usd(s.requests));
    const std::string_view state = archive::to_string(s.state);
    if (s.result) {
        base::log_info("job ended", {{"job", view.id},
                                     {"state", state},
                                     {"target", target},
                                     {"duration_ms", duration_ms},
                                     {"bytes", s.result->size},
                                     {"entries", s.result->entries},
                                     {"skipped", s.result->report->skipped().size()},
                                     {"renamed", s.result->report->renamed().size()},
                                     {"cost_usd", cost}});
        return;
    }
    const base::Error error = s.error.value_or(base::Error{});
    const auto level =
        s.state == archive::JobState::failed ? base::LogLevel::warn : base::LogLevel::info;
    base::log(level, "job ended",
              {{"job", view.id},
               {"state", state},
               {"target", target},
               {"duration_ms", duration_ms},
               {"bytes", s.bytes_done},
               {"entries", s.objects_done},
               {"cost_usd", cost},
               {"code", error.code},
               {"key", error.key},
               {"detail", error.detail}});
}

}  // namespace s3zipd
