#include "cli/follow.h"

#include <fmt/format.h>
#include <algorithm>

#include "cli/progress.h"
#include "cli/text.h"

namespace cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string requests_text(const RequestTally& requests) {
    std::string out;
    for (const auto& [call, count] : requests) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count_text(count), call);
    }
    return out;
}

void add_unless_empty(Rows& rows, std::string name, const std::string& value) {
    if (!value.empty()) rows.push_back({std::move(name), printable(value)});
}

constexpr std::size_t kReportShown = 10;

std::string line_of(const SkippedView& item) {
    return fmt::format("skipped s3://{}/{}: {}", item.bucket, item.key, item.reason);
}
std::string line_of(const RenamedView& item) {
    return fmt::format("renamed s3://{}/{} to {}: {}", item.bucket, item.key, item.name,
                       item.reason);
}

template <typename View>
void print_first(const Console& console, const std::vector<View>& items, std::uint64_t total,
                 std::string_view what) {
    const std::size_t shown = std::min(kReportShown, items.size());
    for (std::size_t i = 0; i < shown; ++i) console.err << printable(line_of(items[i])) << "\n";
    if (total > shown) {
        console.err << "... and " << count_text(total - shown) << " more " << what
                    << "; see --json\n";
    }
}

void print_report(const Console& console, const ReportView& report) {
    print_first(console, report.skipped, report.skipped_total, "skipped");
    print_first(console, report.renamed, report.renamed_total, "renamed");
}

void add_counts(Rows& rows, const ReportView& report) {
    if (report.skipped_total > 0) rows.push_back({"skipped", count_text(report.skipped_total)});
    if (report.renamed_total > 0) rows.push_back({"renamed", count_text(report.renamed_total)});
}

// ", 2 skipped, 3 renamed"
std::string counts_text(const ReportView& report) {
    std::string out;
    if (report.skipped_total > 0) out += ", " + count_text(report.skipped_total) + " skipped";
    if (report.renamed_total > 0) out += ", " + count_text(report.renamed_total) + " renamed";
    return out;
}

std::string error_text(const ErrorView& error) {
    std::string out = error.detail.empty() ? error.code : error.detail;
    if (!error.key.empty() && out.find(error.key) == std::string::npos)
        out += " (" + error.key + ")";
    return error.code.empty() || out == error.code ? out : out + " [" + error.code + "]";
}

// In units of --memory, so that what is needed can be typed: rounded up, what there is down.
std::string memory_text(const PlanView& plan, std::string_view who) {
    constexpr std::uint64_t kMiB = 1 << 20;
    const std::uint64_t needed = plan.memory_needed / kMiB + (plan.memory_needed % kMiB != 0);
    return fmt::format("{} MiB needed, {} has {} MiB: the job would fail", needed, who,
                       plan.memory / kMiB);
}

}  // namespace

bool ProgressDisplay::is_news(const JobView& job) {
    const ProgressView& p = job.progress;
    const std::uint64_t tenth = p.bytes_total == 0 ? 0 : p.bytes_done / (p.bytes_total / 10 + 1);
    const base::SteadyTime now = clock_.steady_now();
    if (last_at_ && job.state == last_state_ && tenth == last_tenth_ && now - *last_at_ < kQuietMax)
        return false;
    last_state_ = job.state;
    last_tenth_ = tenth;
    last_at_ = now;
    return true;
}

void ProgressDisplay::show(const JobView& job) {
    if (quiet_) return;
    if (console_.err_is_terminal) {
        // The last column stays free: some terminals wrap when it is written.
        console_.err << "\r" << printable(progress_line(job, console_.width - 1)) << "\x1b[K"
                     << std::flush;
        line_is_open_ = true;
    } else if (is_news(job)) {
        console_.err << printable(plain_line(job)) << "\n" << std::flush;
    }
}

void ProgressDisplay::finish() {
    if (line_is_open_) console_.err << "\n" << std::flush;
    line_is_open_ = false;
}

void print_outcome(const Console& console, const JobView& job) {
    if (job.result) {
        const ResultView& r = *job.result;
        const double seconds =
            static_cast<double>(std::max<std::uint64_t>(r.duration_ms, 1)) / 1000;
        print_report(console, r.report);
        console.out << printable(fmt::format(
                           "s3://{}/{}: {} entries{}, {} in {} ({}), requests {}", r.bucket, r.key,
                           count_text(r.entries), counts_text(r.report), size_text(r.size),
                           duration_text(r.duration_ms),
                           rate_text(static_cast<double>(r.size) / seconds), usd_text(r.cost_usd)))
                    << "\n"
                    << std::flush;
        return;
    }
    const std::string name = job.id.empty() ? job.destination : job.id;
    std::string text = name + ": " + job.state;
    if (job.error) text += ": " + error_text(*job.error);
    console.complain(text);
}

// "queued 0.2 s, running": how long each took, and where it is.
std::string stages_text(const std::vector<StageView>& stages) {
    std::string text;
    for (const StageView& stage : stages) {
        text += (text.empty() ? "" : ", ") + stage.name;
        if (stage.duration_ms) text += " " + duration_text(*stage.duration_ms);
    }
    return printable(text);
}

void print_job(const Console& console, const JobView& job) {
    Rows rows;
    add_unless_empty(rows, "id", job.id);
    add_unless_empty(rows, "state", job.state);
    add_unless_empty(rows, "archive", job.destination);
    add_unless_empty(rows, "created", job.created_at);
    add_unless_empty(rows, "started", job.started_at);
    add_unless_empty(rows, "finished", job.finished_at);
    add_unless_empty(rows, "stages", stages_text(job.stages));
    const ProgressView& p = job.progress;
    if (p.bytes_total > 0) {
        rows.push_back(
            {"objects", count_text(p.objects_done) + " / " + count_text(p.objects_total)});
        rows.push_back({"bytes", size_text(p.bytes_done) + " / " + size_text(p.bytes_total)});
        rows.push_back({"parts", count_text(p.parts_done) + " / " + count_text(p.parts_total)});
    }
    if (!job.has_ended() && p.bytes_per_second > 0)
        rows.push_back({"speed", rate_text(p.bytes_per_second)});
    if (!job.has_ended() && p.eta_seconds) rows.push_back({"left", clock_text(*p.eta_seconds)});
    add_unless_empty(rows, "requests", requests_text(job.requests));
    if (job.result) {
        rows.push_back({"size", fmt::format("{} ({} bytes)", size_text(job.result->size),
                                            count_text(job.result->size))});
        rows.push_back({"entries", count_text(job.result->entries)});
        add_unless_empty(rows, "etag", job.result->etag);
        add_unless_empty(rows, "version", job.result->version_id);
        add_unless_empty(rows, "crc32", job.result->crc32);
        if (job.result->checksums == "unchecked")
            rows.push_back({"checksums", "not checked by this store"});
        if (!job.result->confirmed)
            rows.push_back({"confirmed", "no: the archive may not be looked at"});
        if (job.result->reused) rows.push_back({"reused", "an earlier archive of these objects"});
        if (job.result->compared > 0) {
            rows.push_back({"compared", count_text(job.result->compared) +
                                            " objects with their checksums in S3"});
        }
        rows.push_back({"took", duration_text(job.result->duration_ms)});
        rows.push_back({"cost", usd_text(job.result->cost_usd)});
        add_counts(rows, job.result->report);
    }
    if (job.error) rows.push_back({"error", printable(error_text(*job.error))});
    console.out << table(rows) << std::flush;
}

void print_plan(const Console& console, const PlanView& plan, std::string_view who) {
    print_report(console, plan.report);
    Rows rows{{"entries", count_text(plan.entries)},
              {"archive", fmt::format("{} ({} bytes)", size_text(plan.archive_size),
                                      count_text(plan.archive_size))},
              {"read", size_text(plan.source_bytes)},
              {"parts", count_text(plan.parts)}};
    add_counts(rows, plan.report);
    add_unless_empty(rows, "requests", requests_text(plan.requests));
    rows.push_back({"cost", usd_text(plan.cost_usd)});
    if (plan.memory_needed > plan.memory) rows.push_back({"memory", memory_text(plan, who)});
    console.out << table(rows) << std::flush;
}

}  // namespace cli
