#include "daemon/api_json.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "config/limits.h"
#include "daemon/api_report.h"
#include "daemon/api_text.h"
#include "daemon/problem.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::optional<base::UtcTime>& time) {
    if (!time) return nullptr;
    return json::value(base::format_rfc3339(*time));
}

json::array list_of(const std::vector<std::string>& texts) {
    json::array list;
    for (const auto& text : texts) list.emplace_back(text);
    return list;
}

json::object map_of(const std::map<std::string, std::string>& texts) {
    json::object object;
    for (const auto& [name, text] : texts) object.emplace(name, text);
    return object;
}

void set_unless_empty(json::object& object, std::string_view name, const std::string& text) {
    if (!text.empty()) object[view(name)] = text;
}

json::object address_of(const archive::ObjectAddress& address) {
    json::object out{{"bucket", address.bucket}, {"key", address.key}};
    set_unless_empty(out, "version_id", address.version_id);
    return out;
}

// A customer's key is not shown to anybody, only that there is one.
constexpr std::string_view kSecret = "(set)";

void set_access(json::object& object, const s3client::Access& access) {
    if (access.requester_pays) object["requester_pays"] = true;
    set_unless_empty(object, "expected_bucket_owner", access.expected_bucket_owner);
}

json::object source_of(const archive::Source& source, std::size_t objects_shown) {
    json::object out;
    set_access(out, source.access);
    if (source.access.customer_key) out["sse_customer_key"] = view(kSecret);
    if (source.manifest) {
        out["manifest"] = address_of(*source.manifest);
        return out;
    }
    out["bucket"] = source.bucket;
    if (!source.objects) {
        out["prefix"] = source.prefix;
        if (!source.include.empty()) out["include"] = list_of(source.include);
        if (!source.exclude.empty()) out["exclude"] = list_of(source.exclude);
        return out;
    }
    json::array objects;
    const std::size_t shown = std::min(objects_shown, source.objects->size());
    for (std::size_t i = 0; i < shown; ++i) {
        const archive::ObjectChoice& choice = (*source.objects)[i];
        json::object object{{"key", choice.key}};
        set_unless_empty(object, "name", choice.name);
        set_unless_empty(object, "version_id", choice.version_id);
        objects.emplace_back(std::move(object));
    }
    out["objects"] = std::move(objects);
    if (shown < source.objects->size()) out["objects_total"] = source.objects->size();
    return out;
}

json::object destination_of(const archive::Destination& destination) {
    json::object out{{"bucket", destination.bucket},
                     {"key", destination.key},
                     {"overwrite", destination.overwrite}};
    set_unless_empty(out, "storage_class", destination.storage_class);
    if (!destination.tags.empty()) out["tags"] = map_of(destination.tags);
    if (!destination.metadata.empty()) out["metadata"] = map_of(destination.metadata);
    set_unless_empty(out, "content_type", destination.content_type);
    set_unless_empty(out, "content_disposition", destination.content_disposition);
    set_unless_empty(out, "cache_control", destination.cache_control);
    set_access(out, destination.access);
    const archive::ServerSideEncryption& sse = destination.sse;
    if (sse.type.empty()) return out;
    json::object shown{{"type", sse.type}};
    set_unless_empty(shown, "key_id", sse.key_id);
    if (sse.bucket_key_enabled) shown["bucket_key_enabled"] = *sse.bucket_key_enabled;
    if (!sse.context.empty()) shown["context"] = map_of(sse.context);
    if (destination.access.customer_key) shown["customer_key"] = view(kSecret);
    out["sse"] = std::move(shown);
    return out;
}

std::string_view name_of(zip::NamePolicy names) {
    switch (names) {
        case zip::NamePolicy::safe: return "safe";
        case zip::NamePolicy::strict: return "strict";
        case zip::NamePolicy::raw: return "raw";
    }
    return "safe";
}

json::object options_of(const archive::Options& options) {
    using namespace archive;
    json::object out;
    out["strip_prefix"] = options.strip_prefix;
    out["flatten"] = options.flatten;
    out["names"] = view(name_of(options.names));
    out["order"] = options.order == EntryOrder::given ? "given" : "key";
    out["on_duplicate"] = options.on_duplicate == OnDuplicate::fail ? "fail" : "rename";
    out["on_missing"] = options.on_missing == OnMissing::fail ? "fail" : "skip";
    out["list_missing"] = options.list_missing;
    out["on_empty"] = options.on_empty == OnEmpty::fail ? "fail" : "archive";
    out["timestamps"] = options.timestamps == Timestamps::source ? "source" : "fixed";
    out["comment"] = options.comment;
    out["execution"] = "local";
    out["priority"] = options.priority;
    if (options.part_size_bytes != 0) out["part_size"] = options.part_size_bytes;
    set_unless_empty(out, "role_arn", options.role_arn);
    set_unless_empty(out, "external_id", options.external_id);
    out["checksums"] = options.checksums == Checksums::automatic ? "auto" : "required";
    if (options.part_layout != PartLayout::automatic)
        out["part_layout"] = options.part_layout == PartLayout::uniform ? "uniform" : "entries";
    out["verify_sources"] = options.verify_sources == VerifySources::stored ? "stored" : "md5";
    out["reuse"] = options.reuse;
    return out;
}

json::object request_of(const archive::ArchiveRequest& request, std::size_t objects_shown) {
    json::array sources;
    std::size_t left = objects_shown;  // of all sources together
    for (const auto& source : request.sources) {
        sources.emplace_back(source_of(source, left));
        if (source.objects) left -= std::min(left, source.objects->size());
    }
    json::object out{{"sources", std::move(sources)},
                     {"destination", destination_of(request.destination)},
                     {"options", options_of(request.options)}};
    if (!request.notify_url.empty()) out["notify"] = json::object{{"url", request.notify_url}};
    return out;
}

json::object requests_of(const s3client::RequestCounts& counts) {
    json::object out;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        out[view(s3client::to_string(static_cast<s3client::Operation>(i)))] = counts[i];
    }
    return out;
}

json::object result_of(const archive::JobSnapshot& snapshot, std::size_t objects_shown) {
    const archive::ArchiveResult& result = *snapshot.result;
    json::object out{{"bucket", result.bucket}, {"key", result.key}, {"etag", result.etag}};
    if (result.version_id.empty()) {
        out["version_id"] = nullptr;
    } else {
        out["version_id"] = result.version_id;
    }
    out["size"] = result.size;
    out["entries"] = result.entries;
    out["crc32"] = fmt::format("{:08x}", result.crc32);
    out["checksums"] = view(archive::checksums_text(result));
    out["compared"] = result.compared;
    set_unless_empty(out, "fingerprint", result.fingerprint);
    out["reused"] = result.reused;
    out["exclusive"] = result.guard == archive::OverwriteGuard::atomic;
    out["confirmed"] = result.confirmed;
    set_report(out, *result.report, objects_shown);
    out["duration_ms"] = snapshot.started_at && snapshot.finished_at
                             ? (*snapshot.finished_at - *snapshot.started_at).count()
                             : 0;
    out["cost_usd"] = s3client::cost_usd(snapshot.requests);
    return out;
}

json::object error_of(const base::Error& error) {
    json::object out{{"code", error.code},
                     {"detail", error.detail},
                     {"kind", view(base::to_string(error.kind))}};
    set_unless_empty(out, "key", error.key);
    if (error.http_status != 0) out["http_status"] = error.http_status;
    set_unless_empty(out, "request_id", error.request_id);
    return out;
}

json::object progress_of(const JobView& job) {
    const archive::JobSnapshot& s = job.snapshot;
    json::object out{{"objects_total", s.objects_total},
                     {"objects_done", s.objects_done},
                     {"bytes_total", s.bytes_total},
                     {"bytes_done", s.bytes_done},
                     {"parts_total", s.parts_total},
                     {"parts_done", s.parts_done},
                     {"bytes_per_second", job.bytes_per_second}};
    if (job.eta_seconds) {
        out["eta_seconds"] = *job.eta_seconds;
    } else {
        out["eta_seconds"] = nullptr;
    }
    return out;
}

json::array stages_of(const JobView& job) {
    json::array stages;
    for (const archive::Stage& stage : archive::stages_of(job.snapshot, job.created_at)) {
        json::object out{{"name", view(archive::to_string(stage.state))},
                         {"started_at", base::format_rfc3339(stage.started_at)},
                         {"finished_at", text_or_null(stage.finished_at)},
                         {"duration_ms", nullptr}};
        if (const auto duration = stage.duration()) out["duration_ms"] = duration->count();
        stages.emplace_back(std::move(out));
    }
    return stages;
}

json::object object_of(const JobView& job, std::size_t objects_shown) {
    const archive::JobSnapshot& s = job.snapshot;
    json::object out;
    out["id"] = job.id;
    out["state"] = view(archive::to_string(s.state));
    out["created_at"] = base::format_rfc3339(job.created_at);
    out["started_at"] = text_or_null(s.started_at);
    out["finished_at"] = text_or_null(s.finished_at);
    out["stages"] = stages_of(job);
    out["request"] = request_of(job.job->request(), objects_shown);
    out["progress"] = progress_of(job);
    out["requests"] = requests_of(s.requests);
    if (s.result) out["result"] = result_of(s, objects_shown);
    if (archive::has_ended(s.state) && !job.job->request().notify_url.empty()) {
        out["notification"] = json::object{{"attempts", job.notice.attempts},
                                           {"delivered", job.notice.delivered},
                                           {"given_up", job.notice.given_up}};
    }
    if (s.error) out["error"] = error_of(*s.error);
    return out;
}

}  // namespace

std::string job_json(const JobView& job, std::size_t objects_shown) {
    return to_text(object_of(job, objects_shown));
}

std::string page_json(const JobPage& page) {
    json::array jobs;
    for (const auto& job : page.jobs) {
        jobs.emplace_back(object_of(job, config::kObjectsShownInListsMax));
    }
    json::object out{{"archives", std::move(jobs)}};
    if (page.next_cursor.empty()) {
        out["next_cursor"] = nullptr;
    } else {
        out["next_cursor"] = page.next_cursor;
    }
    return to_text(out);
}

std::string plan_json(const archive::PlanSummary& plan) {
    json::object out{
        {"entries", plan.entries},
        {"archive_size", plan.archive_size},
        {"parts", plan.parts},
        {"part_size", plan.part_size_bytes},
        {"part_layout", plan.part_layout == archive::PartLayout::uniform ? "uniform" : "entries"},
        {"bytes_moved", plan.source_bytes + plan.archive_size},
        {"source_bytes", plan.source_bytes},
        {"memory_needed", plan.memory_needed_bytes},
        {"memory", plan.memory_bytes},
        {"requests", requests_of(plan.requests)},
        {"cost_usd", plan.cost_usd}};
    set_report(out, *plan.report, config::kObjectsShownMax);
    return to_text(out);
}

std::string version_json(const archive::EngineStats& stats) {
    return to_text(json::object{{"name", "s3zipd"},
                                {"version", view(kVersion)},
                                {"compiler", view(kCompiler)},
                                {"io", stats.io},
                                {"reactors", stats.reactors}});
}

std::string status_json(std::string_view status) {
    return to_text(json::object{{"status", view(status)}});
}

std::string download_json(const std::string& url) {
    return to_text(json::object{{"url", url}, {"expires_in", config::kDownloadExpiresS}});
}

HttpResponse to_response(const Problem& problem) {
    json::object out{{"type", "/problems/" + std::string(problem.type.name)},
                     {"title", view(problem.type.title)},
                     {"status", problem.type.status},
                     {"detail", problem.detail}};
    set_unless_empty(out, "pointer", problem.pointer);
    set_unless_empty(out, "parameter", problem.parameter);
    if (problem.cause) {
        out["code"] = problem.cause->code;
        set_unless_empty(out, "key", problem.cause->key);
        set_unless_empty(out, "request_id", problem.cause->request_id);
    }
    HttpResponse response{problem.type.status, "application/problem+json", {}, to_text(out)};
    if (problem.type.status == 429 || problem.type.status == 503) {
        response.headers.emplace_back("Retry-After", std::to_string(config::kRetryAfter.count()));
    }
    return response;
}

}  // namespace s3zipd
