#include "daemon/problem.h"

#include <array>

#include "base/check.h"

namespace s3zipd {
namespace {

using base::ErrorKind;

constexpr std::array kTypes = {
    ProblemType{"bad-http", 400, "The request is not valid HTTP"},
    ProblemType{"bad-json", 400, "The body is not valid JSON"},
    ProblemType{"bad-parameter", 400, "A query parameter is wrong"},
    ProblemType{"bad-idempotency-key", 400, "The Idempotency-Key is wrong"},
    ProblemType{"unauthorized", 401, "A token is needed"},
    ProblemType{"not-allowed", 403, "The token may not do this"},
    ProblemType{"host-not-allowed", 403, "The Host header does not name this machine"},
    ProblemType{"origin-not-allowed", 403, "Pages from there may not use the API"},
    ProblemType{"no-such-resource", 404, "There is nothing at this path"},
    ProblemType{"no-such-archive", 404, "There is no such archive job"},
    ProblemType{"method-not-allowed", 405, "The resource does not know this method"},
    ProblemType{"not-finished", 409, "The archive is not finished"},
    ProblemType{"not-downloadable", 409, "The archive cannot be downloaded by a URL"},
    ProblemType{"already-ended", 409, "The job has already ended"},
    ProblemType{"body-too-large", 413, "The body is too large"},
    ProblemType{"target-too-long", 414, "The path and query are too long"},
    ProblemType{"unsupported-media-type", 415, "The body must be application/json"},
    ProblemType{"unknown-field", 422, "A field is not known"},
    ProblemType{"repeated-field", 422, "A field is given more than once"},
    ProblemType{"missing-field", 422, "A field is missing"},
    ProblemType{"wrong-type", 422, "A field has the wrong type"},
    ProblemType{"out-of-range", 422, "A field is out of range"},
    ProblemType{"empty-list", 422, "A list is empty"},
    ProblemType{"too-many", 422, "A list is too long"},
    ProblemType{"conflicting-fields", 422, "Two fields exclude each other"},
    ProblemType{"unsupported", 422, "This version does not support a field"},
    ProblemType{"bad-value", 422, "A field has a wrong value"},
    ProblemType{"idempotency-key-reused", 422, "The Idempotency-Key belongs to another body"},
    ProblemType{"too-many-jobs", 429, "Too many jobs are waiting"},
    ProblemType{"too-many-plans", 429, "Too many plans are being made"},
    ProblemType{"headers-too-large", 431, "The headers are too large"},
    ProblemType{"internal-error", 500, "Something is wrong with the daemon"},
    ProblemType{"overloaded", 503, "The daemon is busy"},
    ProblemType{"stopping", 503, "The daemon is being stopped"},
    ProblemType{"journal-unavailable", 503, "The daemon cannot write its journal"},
    ProblemType{"journal-slow", 503, "The journal did not answer in time"},
    ProblemType{"plan-timed-out", 504, "The plan took too long"},
    ProblemType{"request-refused", 422, "No archive can be made of this request"},
    ProblemType{"access-denied", 403, "S3 refuses the daemon access"},
    ProblemType{"s3-failed", 502, "S3 cannot be reached or fails"},
    ProblemType{"s3-busy", 503, "S3 asks for fewer requests"},
};

const ProblemType* find_type(std::string_view name) {
    for (const ProblemType& type : kTypes) {
        if (type.name == name) return &type;
    }
    return nullptr;
}

std::string kebab(std::string_view code) {
    std::string name(code);
    for (char& c : name) c = c == '_' ? '-' : c;
    return name;
}

}  // namespace

const ProblemType& problem_type(std::string_view name) {
    const ProblemType* type = find_type(name);
    CHECK(type != nullptr);
    return *type;
}

Problem body_problem(const base::Error& error) {
    // archive::validate() has codes of its own, which are all about a field's value.
    const ProblemType* type = find_type(kebab(error.code));
    const bool fits =
        type != nullptr && (type->status == 422 || type->name == "bad-json" || type->status == 403);
    if (!fits) {
        type = &problem_type("bad-value");
    }
    return {*type, error.detail, error.key};
}

Problem job_problem(const base::Error& error) {
    if (error.code == "queue_full") return make_problem("too-many-jobs", error.detail);
    if (error.code == "not_found") return make_problem("no-such-archive", error.detail);
    if (error.code.starts_with("journal"))
        return make_problem("journal-unavailable", "nothing was accepted: " + error.detail);
    return make_problem(kebab(error.code), error.detail);
}

Problem engine_problem(const base::Error& error) {
    if (error.code == "not_allowed") return make_problem("not-allowed", error.detail);
    std::string_view name = "internal-error";
    switch (error.kind) {
        case ErrorKind::not_found:
        case ErrorKind::precondition:
        case ErrorKind::exhausted:  // a limit of ours: the same request meets it again
        case ErrorKind::invalid: name = "request-refused"; break;
        case ErrorKind::denied: name = "access-denied"; break;
        case ErrorKind::transient:
        case ErrorKind::corrupt: name = "s3-failed"; break;
        case ErrorKind::throttled: name = "s3-busy"; break;
        case ErrorKind::cancelled: name = "stopping"; break;
        case ErrorKind::bug: break;
    }
    Problem problem = make_problem(name, error.detail);
    problem.cause = error;
    return problem;
}

}  // namespace s3zipd
