#include "daemon/routes.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/check.h"
#include "config/limits.h"
#include "daemon/access.h"
#include "daemon/access_web.h"
#include "daemon/api_json.h"
#include "daemon/api_request.h"
#include "daemon/metrics.h"
#include "daemon/openapi.h"
#include "daemon/page.h"
#include "daemon/problem.h"
#include "daemon/routes_parameters.h"
#include "daemon/routes_table.h"

namespace s3zipd {
namespace {

bool is_json(std::string_view content_type) {
    std::string_view media = content_type.substr(0, content_type.find(';'));
    while (media.ends_with(' ') || media.ends_with('\t')) media.remove_suffix(1);
    constexpr std::string_view kJson = "application/json";
    return std::equal(media.begin(), media.end(), kJson.begin(), kJson.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
    });
}

HttpResponse json_response(int status, std::string body) {
    return {status, "application/json", {}, std::move(body)};
}

HttpResponse accepted(const JobView& job) {
    HttpResponse response = json_response(202, job_json(job, config::kObjectsShownMax));
    response.headers.emplace_back("Location", "/archives/" + job.id);
    return response;
}

HttpResponse no_such_archive(const std::string& id) {
    return to_response(make_problem("no-such-archive", fmt::format("there is no archive {}", id)));
}

HttpResponse not_finished(const JobView& job) {
    const auto state = archive::to_string(job.snapshot.state);
    return to_response(make_problem("not-finished", fmt::format("the job is {}", state)));
}

HttpResponse unauthorized() {
    HttpResponse response = to_response(make_problem(
        "unauthorized", "there must be a header, Authorization: Bearer TOKEN, with a known token"));
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"s3zipd\"");
    return response;
}

// What the caller lacks, if anything.
std::optional<HttpResponse> refuse_caller(const Caller* caller, Right right) {
    if (right == Right::none) return std::nullopt;
    if (caller == nullptr) return unauthorized();
    if (caller->has(right)) return std::nullopt;
    return to_response(make_problem(
        "not-allowed", fmt::format("the token {} does not have the scope {}", caller->name,
                                   right == Right::submit ? "submit" : "read")));
}

// What is asked for, held to what the caller may name.
base::Result<archive::ArchiveRequest> read_body(const HttpRequest& request) {
    auto asked = parse_archive_request(request.body);
    if (!asked) return asked;
    if (auto allowed = request.caller->may_post(*asked); !allowed)
        return base::fail(allowed.error());
    asked->scope = request.caller->scope;
    return asked;
}

bool is_good_key(std::string_view key) {
    return !key.empty() && key.size() <= config::kIdempotencyKeyBytesMax &&
           std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

std::optional<HttpResponse> Routes::refuse(HttpRequest& head) const {
    if (head.target.size() > config::kApiTargetBytesMax) {
        return to_response(make_problem(
            "target-too-long", fmt::format("at most {} bytes", config::kApiTargetBytesMax)));
    }
    const auto target = parse_target(head.target);
    if (!target) {
        return to_response(make_problem("bad-http", "the request target is not a path and query"));
    }
    const Route* route = find_route(*target, head.method);
    if (route != nullptr) {
        head.route = static_cast<std::size_t>(route - all_routes().data());
        if (auto response = refuse_caller(head.caller.get(), route->right)) return response;
        if (const auto name = repeated_parameter(*target))
            return to_response(bad_parameter(*name, "is given more than once"));
        if (route->method != "POST" || is_json(head.content_type)) return std::nullopt;
        return to_response(make_problem(
            "unsupported-media-type",
            head.content_type.empty()
                ? "there is no Content-Type header"
                : fmt::format("Content-Type is {}", head.content_type.substr(0, 100))));
    }
    const std::string allowed = allowed_methods(*target);
    if (allowed.empty()) {
        return to_response(make_problem("no-such-resource", "see /openapi.json for what there is"));
    }
    if (head.is_preflight) return preflight_response(allowed);
    HttpResponse response = to_response(make_problem(
        "method-not-allowed", fmt::format("{} is not one of {}", head.method, allowed)));
    response.headers.emplace_back("Allow", allowed);
    return response;
}

Answer Routes::answer(HttpRequest request) {
    const auto target = parse_target(request.target);
    CHECK(target.has_value());
    CHECK(request.route.has_value());
    const auto caller_held = request.caller;
    static const Caller kNobody;
    const Caller& caller = caller_held ? *caller_held : kNobody;  // where nobody need be known
    const std::string id = target->segments.size() > 1 ? target->segments[1] : std::string();
    switch (all_routes()[*request.route].endpoint) {
        case Endpoint::create: return create(std::move(request));
        case Endpoint::list: return list_archives(caller, *target);
        case Endpoint::show: return show(caller, id);
        case Endpoint::events: return events(caller_held, id);
        case Endpoint::feed: return feed(caller_held, *target);
        case Endpoint::cancel: return cancel(caller, id);
        case Endpoint::download: return download(caller, id, *target);
        case Endpoint::skipped: return report(caller, id, ReportList::skipped, *target);
        case Endpoint::renamed: return report(caller, id, ReportList::renamed, *target);
        case Endpoint::plan: return plan(request);
        case Endpoint::health: return json_response(200, status_json("ok"));
        case Endpoint::readiness: return readiness();
        case Endpoint::metrics: return metrics();
        case Endpoint::version: return json_response(200, version_);
        case Endpoint::openapi: return json_response(200, std::string(kOpenApi));
        case Endpoint::page: return page_response("index.html", request.if_none_match);
        case Endpoint::page_file: return page_response(id, request.if_none_match);
    }
    CHECK(false);
}

Answer Routes::create(HttpRequest request) {
    std::optional<IdempotencyKey> key;
    if (request.has_idempotency_key) {
        if (!is_good_key(request.idempotency_key)) {
            return to_response(make_problem("bad-idempotency-key",
                                            fmt::format("must be 1 to {} visible ASCII characters",
                                                        config::kIdempotencyKeyBytesMax)));
        }
        // Each caller's keys are its own.
        const std::string& name = request.caller->name;
        key = IdempotencyKey{
            name.empty() ? request.idempotency_key : name + "\n" + request.idempotency_key,
            digest_of(request.body), request.body.size()};
    }
    auto archive_request = read_body(request);
    if (!archive_request) return to_response(body_problem(archive_request.error()));
    if (const std::string& url = archive_request->notify_url; !url.empty()) {
        if (auto allowed = jobs_.check_notify(url); !allowed)
            return to_response(body_problem(allowed.error()));
    }
    return SubmitJob{{std::move(*archive_request), std::move(request.body), std::move(key)}};
}

HttpResponse Routes::job_response(const base::Result<JobView>& job) {
    return job ? accepted(*job) : to_response(job_problem(job.error()));
}

Answer Routes::plan(const HttpRequest& request) {
    auto archive_request = read_body(request);
    if (!archive_request) return to_response(body_problem(archive_request.error()));
    return MakePlan{std::move(*archive_request)};
}

HttpResponse Routes::plan_response(const base::Result<archive::PlanSummary>& plan) {
    if (!plan) return to_response(engine_problem(plan.error()));
    return json_response(200, plan_json(*plan));
}

HttpResponse Routes::list_archives(const Caller& caller, const Target& target) {
    ListQuery query;
    query.may_see = [&caller](const archive::ArchiveRequest& r) { return caller.may_see(r); };
    for (const auto& [name, text] : target.parameters) {
        // "?state=" is as good as not saying it: that is how an empty form field arrives.
        const bool known = name == "state" || name == "limit" || name == "cursor";
        if (known && text.empty()) continue;
        if (const auto problem = read_parameter(name, text, query)) return to_response(*problem);
    }
    return json_response(200, page_json(jobs_.list(query)));
}

// An archive that the caller may not see is none to it.
std::optional<JobView> Routes::find(const Caller& caller, const std::string& id) const {
    auto job = jobs_.find(id);
    if (job && !caller.may_see(job->job->request())) job.reset();
    return job;
}

HttpResponse Routes::show(const Caller& caller, const std::string& id) {
    const auto job = find(caller, id);
    return job ? json_response(200, job_json(*job, config::kObjectsShownMax)) : no_such_archive(id);
}

Answer Routes::events(std::shared_ptr<const Caller> caller, const std::string& id) {
    if (!find(*caller, id)) return no_such_archive(id);
    return StreamEvents{std::move(caller), id};
}

Answer Routes::feed(std::shared_ptr<const Caller> caller, const Target& target) {
    constexpr std::size_t kMax = std::chrono::seconds(config::kApiFeedTime).count();
    std::size_t seconds = kMax;
    for (const auto& [name, text] : target.parameters) {
        const std::string wrong =
            name == "seconds" ? read_limit(text, kMax, seconds) : std::string(kNoParameter);
        if (!wrong.empty()) return to_response(bad_parameter(name, wrong));
    }
    return StreamFeed{std::move(caller), std::chrono::seconds(seconds)};
}

Answer Routes::cancel(const Caller& caller, const std::string& id) {
    if (!find(caller, id)) return no_such_archive(id);
    return CancelJob{id};
}

Answer Routes::download(const Caller& caller, const std::string& id, const Target& target) {
    bool redirect = true;
    for (const auto& [name, text] : target.parameters) {
        if (name != "redirect") return to_response(bad_parameter(name, kNoParameter));
        if (text != "true" && text != "false")
            return to_response(bad_parameter(name, "must be true or false"));
        redirect = text == "true";
    }
    const auto job = find(caller, id);
    if (!job) return no_such_archive(id);
    const auto& result = job->snapshot.result;
    if (!result) return not_finished(*job);
    // One that was reused lies where it was made.
    if (!caller.may_see(result->bucket, result->key))
        return to_response(
            make_problem("not-allowed", "the archive lies elsewhere: it was reused"));
    const s3client::Access& access = job->job->request().destination.access;
    if (access.customer_key) {
        return to_response(
            make_problem("not-downloadable",
                         "the archive is encrypted with a customer key, which a URL cannot carry: "
                         "read it with that key from " +
                             result->bucket + "/" + result->key));
    }
    const archive::Options& options = job->job->request().options;
    return Presign{{result->bucket, result->key, config::kDownloadExpiresS, options.role_arn,
                    options.external_id, access},
                   redirect};
}

HttpResponse Routes::download_response(const base::Result<std::string>& url, bool redirect) {
    if (!url) return to_response(engine_problem(url.error()));
    if (!redirect) return json_response(200, download_json(*url));
    HttpResponse response;
    response.status = 307;
    response.content_type.clear();
    response.headers.emplace_back("Location", *url);
    return response;
}

HttpResponse Routes::report(const Caller& caller, const std::string& id, ReportList list,
                            const Target& target) {
    const auto job = find(caller, id);
    if (!job) return no_such_archive(id);
    if (!job->snapshot.result) return not_finished(*job);
    const archive::ObjectReport& report = *job->snapshot.result->report;
    std::size_t first = 0;
    std::size_t limit = config::kReportLimitDefault;
    for (const auto& [name, text] : target.parameters) {
        if (text.empty() && (name == "limit" || name == "cursor")) continue;
        std::string wrong;
        if (name == "limit") {
            wrong = read_limit(text, config::kReportLimitMax, limit);
        } else if (name == "cursor") {
            const auto index = parse_report_cursor(report, list, text);
            if (!index) wrong = kNoCursor;
            first = index.value_or(0);
        } else {
            wrong = kNoParameter;
        }
        if (!wrong.empty()) return to_response(bad_parameter(name, wrong));
    }
    return json_response(200, report_page_json(report, list, first, limit));
}

HttpResponse Routes::readiness() const {
    if (state_.stopping) return to_response(make_problem("stopping", "s3zipd is being stopped"));
    if (!jobs_.journal().healthy())
        return to_response(make_problem(
            "journal-unavailable", "the journal cannot be written: " + jobs_.journal().problem()));
    return json_response(200, status_json("ready"));
}

HttpResponse Routes::metrics() const {
    return {200,
            "text/plain; version=0.0.4; charset=utf-8",
            {},
            metrics_text(jobs_, engine_.stats(), state_, limits_)};
}

std::vector<std::pair<std::string_view, std::string_view>> Routes::list() {
    std::vector<std::pair<std::string_view, std::string_view>> routes;
    routes.reserve(all_routes().size());
    for (const Route& route : all_routes()) {
        // The page's files are the page's own business.
        if (route.endpoint != Endpoint::page_file) routes.emplace_back(route.method, route.path);
    }
    return routes;
}

}  // namespace s3zipd
