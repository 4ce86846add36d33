#include "daemon/metrics.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "daemon/metrics_writer.h"
#include "daemon/routes.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

void write_by_end(MetricsWriter& w, const JobTimes& times) {
    for (std::size_t i = 0; i < kJobStateCount; ++i) {
        const auto state = static_cast<archive::JobState>(i);
        if (archive::has_ended(state))
            w.sample(times[i], fmt::format("state=\"{}\"", archive::to_string(state)));
    }
}

void write_jobs(MetricsWriter& w, const JobCounts& jobs, const JobLimits& limits) {
    w.gauge("jobs", "Jobs in memory, by state.");
    for (std::size_t i = 0; i < kJobStateCount; ++i) {
        const auto state = archive::to_string(static_cast<archive::JobState>(i));
        w.sample(jobs.by_state[i], fmt::format("state=\"{}\"", state));
    }
    w.counter("jobs_ended_total", "Jobs ended since start, by state.");
    for (std::size_t i = 0; i < kJobStateCount; ++i) {
        const auto state = static_cast<archive::JobState>(i);
        if (!archive::has_ended(state)) continue;
        w.sample(jobs.ended_total[i], fmt::format("state=\"{}\"", archive::to_string(state)));
    }
    w.histogram("job_duration_seconds", "From start to end of a job, by how it ended.");
    write_by_end(w, jobs.durations);
    w.histogram("job_queue_duration_seconds", "How long jobs waited to start, by how they ended.");
    write_by_end(w, jobs.queue_times);
    w.one_gauge("queue_oldest_seconds", "How long the job that waits longest has waited; 0: none.",
                in_seconds(jobs.queue_oldest));
    w.one_counter("archive_bytes_total", "Bytes of archives made.", jobs.archive_bytes_total);
    w.one_counter("skipped_objects_total", "Objects left out of archives made.",
                  jobs.skipped_objects_total);
    w.one_counter("renamed_entries_total", "Entries of archives made under another name.",
                  jobs.renamed_entries_total);
    w.one_counter("notifications_delivered_total", "Ends of jobs that receivers were told.",
                  jobs.notices_delivered_total);
    w.one_counter("notifications_given_up_total", "Ends of jobs that receivers would not hear.",
                  jobs.notices_given_up_total);
    w.one_gauge("jobs_running_limit", "Jobs that may run at once.", limits.running_max);
    w.one_gauge("jobs_queued_limit", "Jobs that may wait.", limits.queued_max);
    w.one_gauge("jobs_kept_limit", "Ended jobs that are remembered.", limits.kept_max);
    w.one_gauge("jobs_live_bytes", "Estimated memory of jobs not ended.", jobs.live_bytes);
    w.one_gauge("jobs_live_bytes_limit", "Its bound.", limits.live_bytes_max);
    w.one_gauge("jobs_ended_bytes", "Estimated memory of jobs ended.", jobs.ended_bytes);
    w.one_gauge("jobs_ended_bytes_limit", "Its bound.", limits.ended_bytes_max);
}

void write_journal(MetricsWriter& w, const Journal& journal) {
    w.one_gauge("journal_healthy", "1: the last write of the journal went well.",
                journal.healthy() ? 1 : 0);
    w.one_counter("journal_commits_total", "Transactions of the journal.", journal.commits());
    w.histogram("journal_commit_duration_seconds",
                "How long these took, their way to the disk included.");
    w.sample(journal.commit_times());
    w.one_gauge("journal_bytes", "Size of the journal on disk.", journal.bytes());
}

std::string operation_label(std::size_t operation) {
    const auto name = s3client::to_string(static_cast<s3client::Operation>(operation));
    return fmt::format("operation=\"{}\"", name);
}

std::string status_text(std::size_t status) {
    if (status == s3client::ClientStats::kNoAnswer) return "none";
    if (status == s3client::ClientStats::kGivenUp) return "cancelled";
    return std::to_string(status);
}

// Of operations that there were.
void write_times(MetricsWriter& w, std::string_view name, std::string_view help,
                 std::span<const base::HistogramSnapshot> times) {
    w.histogram(name, help);
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (times[i].count() > 0) w.sample(times[i], operation_label(i));
    }
}

void write_answers(MetricsWriter& w, const archive::EngineStats& s) {
    w.counter("s3_responses_total",
              "Requests sent to S3 that are over, by operation and status of the answer; none: no "
              "answer, cancelled: nobody waited for it any more.");
    for (const auto& one : s.responses) {
        const std::string operation = operation_label(static_cast<std::size_t>(one.operation));
        w.sample(one.count, fmt::format("{},status=\"{}\"", operation, status_text(one.status)));
    }
    write_times(w, "s3_first_byte_duration_seconds",
                "From the first byte of a request to S3 to the head of its answer, by operation.",
                s.to_head);
    write_times(w, "s3_request_duration_seconds",
                "From the first byte of a request to S3 to the last one of its answer, by "
                "operation.",
                s.to_end);
}

void write_reactors(MetricsWriter& w, const std::vector<io::Lane::Usage>& usage) {
    w.one_gauge("reactors", "Threads that move data.", usage.size());
    w.counter("reactor_busy_seconds_total",
              "Time that each reactor has worked, the kernel's work for it included, rather than "
              "waited.");
    for (std::size_t i = 0; i < usage.size(); ++i)
        w.sample(in_seconds(usage[i].busy), fmt::format("reactor=\"{}\"", i));
    w.counter("reactor_seconds_total", "Time that each reactor has been there.");
    for (std::size_t i = 0; i < usage.size(); ++i)
        w.sample(in_seconds(usage[i].whole), fmt::format("reactor=\"{}\"", i));
}

void write_engine(MetricsWriter& w, const archive::EngineStats& s) {
    w.counter("s3_requests_total", "Requests sent to S3, retries included, by operation.");
    for (std::size_t i = 0; i < s.requests.size(); ++i) w.sample(s.requests[i], operation_label(i));
    write_answers(w, s);
    w.one_counter("s3_cost_usd_total", "Price of these requests.", s3client::cost_usd(s.requests));
    w.one_counter("s3_received_bytes_total", "Bytes of bodies from S3.", s.bytes_received);
    w.one_counter("s3_sent_bytes_total", "Bytes of bodies to S3.", s.bytes_sent);
    w.one_counter("s3_retries_total", "Requests sent again.", s.retries);
    w.one_counter("s3_throttled_total", "Answers of S3 that asked to slow down.", s.throttled);
    w.one_counter("s3_hedged_total", "Requests sent a second time since they were late.", s.hedged);
    w.one_counter("s3_hedges_won_total", "Of which the second was answered first.", s.hedges_won);
    w.one_counter("s3_mismatched_answers_total",
                  "Answers that did not belong to their request: doubled, early, late, or of "
                  "another object or range.",
                  s.mismatched);
    w.gauge("s3_feature_refused", "1 for each optional feature that the store refuses.");
    for (std::size_t i = 0; i < s.features.size(); ++i) {
        const bool refused = s.features[i] == s3client::StoreSupport::State::refused;
        w.sample(refused ? 1 : 0,
                 fmt::format("feature=\"{}\"", to_string(static_cast<s3client::Feature>(i))));
    }
    w.one_gauge("s3_concurrency_limit", "Requests to S3 that may be under way, by what it gives.",
                s.concurrency_limit);
    w.one_gauge("s3_connections", "Connections to S3 now.", s.connections_open);
    w.one_counter("s3_connections_opened_total", "Connections opened to S3.", s.connections_opened);
    w.one_gauge("memory_in_use_bytes", "Part memory in use.", s.memory_in_use_bytes);
    w.one_gauge("memory_limit_bytes", "Part memory of all reactors.", s.memory_bytes);
    write_reactors(w, s.reactor_usage);
}

void write_api(MetricsWriter& w, const ApiState& api, const ApiLimits& limits) {
    w.counter("http_requests_total", "Requests answered by the REST API, by status.");
    for (std::size_t status = 100; status < api.answers.size(); ++status) {
        const auto count = api.answers[status].load(std::memory_order_relaxed);
        if (count > 0) w.sample(count, fmt::format("status=\"{}\"", status));
    }
    w.histogram("http_request_duration_seconds",
                "From a request's head to the end of its answer, by route; no streams.");
    const auto routes = Routes::list();
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto& [method, path] = routes[i];
        const auto durations = api.durations[i].snapshot();
        if (durations.count() > 0)
            w.sample(durations, fmt::format("method=\"{}\",route=\"{}\"", method, path));
    }
    w.one_counter("http_connections_put_out_total", "Connections closed to make room for others.",
                  api.connections_put_out.load());
    w.one_gauge("http_connections", "Connections to the REST API now.", api.connections.load());
    w.one_gauge("http_connections_limit", "Their bound.", limits.connections_max);
    w.one_gauge("http_event_streams", "Event streams now.", api.event_streams.load());
    w.one_gauge("http_event_streams_limit", "Their bound.", limits.event_streams_max);
    w.one_gauge("http_plans", "Plans being made now.", api.plans.load());
    w.one_gauge("http_plans_limit", "Their bound.", limits.plans_max);
    w.one_gauge("http_body_bytes", "Bodies being received.", api.bodies_bytes.load());
    w.one_gauge("http_body_bytes_limit", "Their bound.", limits.bodies_bytes_max);
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void write_process(MetricsWriter& w) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    w.one_counter("cpu_seconds_total", "CPU time of this process, user and system.",
                  seconds(usage.ru_utime) + seconds(usage.ru_stime));
    w.one_gauge("peak_resident_bytes", "The most memory this process ever had resident.",
                static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
}

}  // namespace

std::string metrics_text(const JobService& jobs, const archive::EngineStats& engine,
                         const ApiState& api, const ApiLimits& api_limits) {
    MetricsWriter w;
    w.gauge("build_info", "Always 1; what this build is.");
    w.sample(1, fmt::format("version=\"{}\",io=\"{}\"", kVersion, engine.io));
    write_jobs(w, jobs.counts(), jobs.limits());
    write_journal(w, jobs.journal());
    write_engine(w, engine);
    write_api(w, api, api_limits);
    write_process(w);
    return w.take();
}

}  // namespace s3zipd
