#include "cli/json_job.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json.hpp>

#include "base/utf8.h"
#include "cli/job_source.h"
#include "cli/json_report.h"
#include "cli/json_request.h"

namespace cli {
namespace {

namespace json = boost::json;

base::Result<json::object> parse_object(std::string_view text) {
    boost::system::error_code error;
    json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !value.is_object()) {
        return base::fail(base::ErrorKind::corrupt, "bad_answer",
                          "the daemon's answer is not a JSON object");
    }
    return std::move(value.as_object());
}

const json::object* object_at(const json::object& from, std::string_view name) {
    const json::value* value = from.if_contains(name);
    return value == nullptr ? nullptr : value->if_object();
}

void read(const json::object& from, std::string_view name, std::string& to) {
    const json::value* value = from.if_contains(name);
    if (value != nullptr && value->is_string()) to = std::string(value->as_string());
}

void read(const json::object& from, std::string_view name, std::uint64_t& to) {
    const json::value* value = from.if_contains(name);
    if (value == nullptr || !value->is_number()) return;
    boost::system::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    if (!error) to = number;
}

void read(const json::object& from, std::string_view name, bool& to) {
    const json::value* value = from.if_contains(name);
    if (value != nullptr && value->is_bool()) to = value->as_bool();
}

void read(const json::object& from, std::string_view name, double& to) {
    const json::value* value = from.if_contains(name);
    if (value == nullptr || !value->is_number()) return;
    boost::system::error_code error;
    to = value->to_number<double>(error);
}

RequestTally tally(const json::object* from) {
    RequestTally out;
    if (from == nullptr) return out;
    for (const auto& member : *from) {
        std::uint64_t count = 0;
        read(*from, member.key(), count);
        if (count > 0) out.emplace_back(std::string(member.key()), count);
    }
    return out;
}

void read_progress(const json::object& from, ProgressView& to) {
    read(from, "objects_total", to.objects_total);
    read(from, "objects_done", to.objects_done);
    read(from, "bytes_total", to.bytes_total);
    read(from, "bytes_done", to.bytes_done);
    read(from, "parts_total", to.parts_total);
    read(from, "parts_done", to.parts_done);
    read(from, "bytes_per_second", to.bytes_per_second);
    to.eta_seconds.reset();
    const json::value* eta = from.if_contains("eta_seconds");
    if (eta != nullptr && eta->is_number()) read(from, "eta_seconds", to.eta_seconds.emplace());
}

ResultView result_view(const json::object& from) {
    ResultView to;
    read(from, "bucket", to.bucket);
    read(from, "key", to.key);
    read(from, "etag", to.etag);
    read(from, "version_id", to.version_id);
    read(from, "crc32", to.crc32);
    read(from, "checksums", to.checksums);
    read(from, "compared", to.compared);
    read(from, "fingerprint", to.fingerprint);
    read(from, "reused", to.reused);
    read(from, "exclusive", to.exclusive);
    read(from, "confirmed", to.confirmed);
    read(from, "size", to.size);
    read(from, "entries", to.entries);
    read(from, "duration_ms", to.duration_ms);
    read(from, "cost_usd", to.cost_usd);
    to.report = read_report(from);
    return to;
}

std::vector<StageView> stage_views(const json::object& from) {
    std::vector<StageView> stages;
    const json::value* list = from.if_contains("stages");
    if (list == nullptr || !list->is_array()) return stages;
    for (const json::value& item : list->get_array()) {
        if (!item.is_object()) continue;
        const json::object& object = item.get_object();
        StageView& stage = stages.emplace_back();
        read(object, "name", stage.name);
        read(object, "started_at", stage.started_at);
        read(object, "finished_at", stage.finished_at);
        if (!stage.finished_at.empty()) read(object, "duration_ms", stage.duration_ms.emplace());
    }
    return stages;
}

JobView job_view(const json::object& from) {
    JobView job;
    read(from, "id", job.id);
    read(from, "state", job.state);
    read(from, "created_at", job.created_at);
    read(from, "started_at", job.started_at);
    read(from, "finished_at", job.finished_at);
    job.stages = stage_views(from);
    if (const json::object* progress = object_at(from, "progress"))
        read_progress(*progress, job.progress);
    job.requests = tally(object_at(from, "requests"));
    if (const json::object* request = object_at(from, "request")) {
        if (const json::object* destination = object_at(*request, "destination")) {
            std::string bucket, key;
            read(*destination, "bucket", bucket);
            read(*destination, "key", key);
            job.destination = "s3://" + bucket + "/" + key;
        }
    }
    if (const json::object* result = object_at(from, "result")) job.result = result_view(*result);
    if (const json::object* error = object_at(from, "error")) {
        ErrorView& view = job.error.emplace();
        read(*error, "code", view.code);
        read(*error, "detail", view.detail);
        read(*error, "key", view.key);
    }
    return job;
}

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value() : json::value(text);
}

json::array stages_json(const std::vector<StageView>& stages) {
    json::array out;
    for (const StageView& stage : stages) {
        json::object object{{"name", stage.name},
                            {"started_at", stage.started_at},
                            {"finished_at", text_or_null(stage.finished_at)},
                            {"duration_ms", nullptr}};
        if (stage.duration_ms) object["duration_ms"] = *stage.duration_ms;
        out.emplace_back(std::move(object));
    }
    return out;
}

json::object tally_json(const RequestTally& requests) {
    json::object out;
    for (const auto& [call, count] : requests) out[call] = count;
    return out;
}

json::object result_json(const ResultView& result) {
    json::object out{
        {"bucket", result.bucket},       {"key", result.key},
        {"etag", result.etag},           {"version_id", text_or_null(result.version_id)},
        {"size", result.size},           {"entries", result.entries},
        {"crc32", result.crc32},         {"checksums", result.checksums},
        {"compared", result.compared},   {"fingerprint", result.fingerprint},
        {"reused", result.reused},       {"exclusive", result.exclusive},
        {"confirmed", result.confirmed}, {"duration_ms", result.duration_ms},
        {"cost_usd", result.cost_usd}};
    write_report(out, result.report);
    return out;
}

json::object progress_json(const ProgressView& progress) {
    return {
        {"objects_total", progress.objects_total},
        {"objects_done", progress.objects_done},
        {"bytes_total", progress.bytes_total},
        {"bytes_done", progress.bytes_done},
        {"parts_total", progress.parts_total},
        {"parts_done", progress.parts_done},
        {"bytes_per_second", progress.bytes_per_second},
        {"eta_seconds", progress.eta_seconds ? json::value(*progress.eta_seconds) : json::value()}};
}

}  // namespace

base::Result<JobView> job_from_json(std::string_view text) {
    const auto object = parse_object(text);
    if (!object) return base::fail(object.error());
    return job_view(*object);
}

base::Result<std::vector<JobView>> jobs_from_json(std::string_view text) {
    const auto object = parse_object(text);
    if (!object) return base::fail(object.error());
    std::vector<JobView> jobs;
    const json::value* list = object->if_contains("archives");
    if (list == nullptr || !list->is_array()) return jobs;
    for (const json::value& item : list->get_array()) {
        if (item.is_object()) jobs.push_back(job_view(item.get_object()));
    }
    return jobs;
}

base::Result<PlanView> plan_from_json(std::string_view text) {
    const auto object = parse_object(text);
    if (!object) return base::fail(object.error());
    PlanView plan;
    read(*object, "entries", plan.entries);
    read(*object, "archive_size", plan.archive_size);
    read(*object, "parts", plan.parts);
    read(*object, "source_bytes", plan.source_bytes);
    read(*object, "memory_needed", plan.memory_needed);
    read(*object, "memory", plan.memory);
    read(*object, "cost_usd", plan.cost_usd);
    plan.requests = tally(object_at(*object, "requests"));
    plan.report = read_report(*object);
    return plan;
}

Problem problem_from_json(std::string_view text) {
    Problem problem;
    const auto object = parse_object(text);
    if (!object) return problem;
    read(*object, "type", problem.type);
    read(*object, "title", problem.title);
    read(*object, "detail", problem.detail);
    read(*object, "pointer", problem.pointer);
    if (problem.pointer.empty()) read(*object, "parameter", problem.pointer);
    read(*object, "code", problem.code);
    return problem;
}

void apply_event(std::string_view text, JobView& job) {
    const auto object = parse_object(text);
    if (!object) return;
    if (object->contains("id")) {
        job = job_view(*object);
        return;
    }
    read(*object, "state", job.state);
    const json::object* progress = object_at(*object, "progress");
    read_progress(progress != nullptr ? *progress : *object, job.progress);
}

std::string job_json(const JobView& job, const archive::ArchiveRequest& request) {
    json::object out{
        {"id", text_or_null(job.id)},
        {"state", job.state},
        {"created_at", text_or_null(job.created_at)},
        {"started_at", text_or_null(job.started_at)},
        {"finished_at", text_or_null(job.finished_at)},
        {"stages", stages_json(job.stages)},
        {"request", json::parse(base::as_utf8(request_json(request, Secrets::hidden)))},
        {"progress", progress_json(job.progress)},
        {"requests", tally_json(job.requests)}};
    if (job.result) out["result"] = result_json(*job.result);
    if (job.error) {
        out["error"] = json::object{{"code", job.error->code},
                                    {"detail", job.error->detail},
                                    {"key", text_or_null(job.error->key)}};
    }
    return base::as_utf8(json::serialize(out));
}

std::string plan_json(const archive::PlanSummary& plan) {
    json::object requests;
    for (std::size_t i = 0; i < s3client::kOperationCount; ++i) {
        if (plan.requests[i] == 0) continue;
        requests[s3client::to_string(static_cast<s3client::Operation>(i))] = plan.requests[i];
    }
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
        {"requests", std::move(requests)},
        {"cost_usd", plan.cost_usd}};
    write_report(out, report_view(*plan.report));
    return base::as_utf8(json::serialize(out));
}

}  // namespace cli
