#include "cli/job_source.h"

#include <fmt/format.h>

namespace cli {
namespace {

ProgressView progress_view(const archive::JobSnapshot& snapshot, double bytes_per_second) {
    ProgressView p;
    p.objects_total = snapshot.objects_total;
    p.objects_done = snapshot.objects_done;
    p.bytes_total = snapshot.bytes_total;
    p.bytes_done = snapshot.bytes_done;
    p.parts_total = snapshot.parts_total;
    p.parts_done = snapshot.parts_done;
    p.bytes_per_second = bytes_per_second;
    if (bytes_per_second > 0 && p.bytes_total >= p.bytes_done) {
        p.eta_seconds = static_cast<std::uint64_t>(
            static_cast<double>(p.bytes_total - p.bytes_done) / bytes_per_second);
    }
    return p;
}

ResultView result_view(const archive::ArchiveResult& result, const archive::JobSnapshot& snapshot) {
    ResultView view;
    view.bucket = result.bucket;
    view.key = result.key;
    view.etag = result.etag;
    view.version_id = result.version_id;
    view.crc32 = fmt::format("{:08x}", result.crc32);
    view.checksums = archive::checksums_text(result);
    view.compared = result.compared;
    view.fingerprint = result.fingerprint;
    view.reused = result.reused;
    view.exclusive = result.guard == archive::OverwriteGuard::atomic;
    view.confirmed = result.confirmed;
    view.size = result.size;
    view.entries = result.entries;
    if (snapshot.started_at && snapshot.finished_at) {
        view.duration_ms =
            static_cast<std::uint64_t>((*snapshot.finished_at - *snapshot.started_at).count());
    }
    view.cost_usd = s3client::cost_usd(snapshot.requests);
    view.report = report_view(*result.report);
    return view;
}

}  // namespace

ReportView report_view(const archive::ObjectReport& report) {
    ReportView view;
    view.skipped_total = report.skipped().size();
    view.renamed_total = report.renamed().size();
    view.skipped.reserve(report.skipped().size());
    view.renamed.reserve(report.renamed().size());
    for (const archive::SkippedObject& item : report.skipped()) {
        view.skipped.push_back(
            {std::string(item.bucket), std::string(item.key), std::string(item.reason)});
    }
    for (const archive::RenamedObject& item : report.renamed()) {
        view.renamed.push_back({std::string(item.bucket), std::string(item.key),
                                std::string(item.name), std::string(item.reason)});
    }
    return view;
}

RequestTally tally_of(const s3client::RequestCounts& counts) {
    RequestTally out;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        out.emplace_back(s3client::to_string(static_cast<s3client::Operation>(i)), counts[i]);
    }
    return out;
}

PlanView plan_view(const archive::PlanSummary& plan) {
    return {.entries = plan.entries,
            .archive_size = plan.archive_size,
            .parts = plan.parts,
            .source_bytes = plan.source_bytes,
            .memory_needed = plan.memory_needed_bytes,
            .memory = plan.memory_bytes,
            .cost_usd = plan.cost_usd,
            .requests = tally_of(plan.requests),
            .report = report_view(*plan.report)};
}

JobView view_of(const archive::ArchiveRequest& request, const archive::JobSnapshot& snapshot,
                double bytes_per_second) {
    JobView view;
    view.state = archive::to_string(snapshot.state);
    if (snapshot.started_at) view.started_at = base::format_rfc3339(*snapshot.started_at);
    if (snapshot.finished_at) view.finished_at = base::format_rfc3339(*snapshot.finished_at);
    for (const archive::Stage& stage : archive::stages_of(snapshot, std::nullopt)) {
        StageView& to = view.stages.emplace_back();
        to.name = archive::to_string(stage.state);
        to.started_at = base::format_rfc3339(stage.started_at);
        if (stage.finished_at) to.finished_at = base::format_rfc3339(*stage.finished_at);
        if (const auto duration = stage.duration())
            to.duration_ms = static_cast<std::uint64_t>(duration->count());
    }
    view.destination = "s3://" + request.destination.bucket + "/" + request.destination.key;
    view.progress = progress_view(snapshot, bytes_per_second);
    view.requests = tally_of(snapshot.requests);
    if (snapshot.result) view.result = result_view(*snapshot.result, snapshot);
    if (snapshot.error)
        view.error = ErrorView{snapshot.error->code, snapshot.error->detail, snapshot.error->key};
    return view;
}

}  // namespace cli
