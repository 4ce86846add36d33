#include "daemon/job_log.h"

#include <fmt/format.h>
#include <numeric>

#include "base/log.h"
#include "daemon/job_service.h"

namespace s3zipd {
namespace {

std::string target_of(const JobView& view) {
    const auto& destination = view.job->request().destination;
    return fmt::format("s3://{}/{}", destination.bucket, destination.key);
}

}  // namespace

void log_accepted(const JobView& view) {
    const archive::ArchiveRequest& request = view.job->request();
    base::log_info("job accepted", {{"job", view.id},
                                    {"target", target_of(view)},
                                    {"sources", request.sources.size()},
                                    {"priority", request.options.priority}});
}

void log_start(const std::string& id, base::Duration waited) {
    const auto waited_ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
    base::log_info("job started", {{"job", id}, {"waited_ms", waited_ms}});
}

void log_end(const JobView& view) {
    const archive::JobSnapshot& s = view.snapshot;
    const std::int64_t duration_ms =
        s.started_at && s.finished_at ? (*s.finished_at - *s.started_at).count() : 0;
    const std::string target = target_of(view);
    const std::uint64_t requests =
        std::accumulate(s.requests.begin(), s.requests.end(), std::uint64_t{0});
    const std::uint64_t retries = view.job->retries.load(std::memory_order_relaxed);
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
                                     {"requests", requests},
                                     {"retries", retries},
                                     {"cost_usd", cost}});
        return;
    }
    const archive::JobState last = archive::stages_of(s, view.created_at).back().state;
    const base::Error error = s.error.value_or(base::Error{});
    const auto level =
        s.state == archive::JobState::failed ? base::LogLevel::warn : base::LogLevel::info;
    base::log(level, "job ended",
              {{"job", view.id},
               {"state", state},
               {"stage", archive::to_string(last)},
               {"target", target},
               {"duration_ms", duration_ms},
               {"bytes", s.bytes_done},
               {"entries", s.objects_done},
               {"requests", requests},
               {"retries", retries},
               {"cost_usd", cost},
               {"code", error.code},
               {"key", error.key},
               {"detail", error.detail}});
}

}  // namespace s3zipd
