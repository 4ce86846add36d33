// What went wrong, as RFC 9457 has it. One table names every type this daemon answers with
// (docs/API.md lists them): the type is "/problems/" and a stable name, a relative reference, and
// its title and status never change.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/http.h"

namespace s3zipd {

struct ProblemType {
    std::string_view name;
    int status;
    std::string_view title;
};

// REQUIRES: `name` is in the table.
const ProblemType& problem_type(std::string_view name);

struct Problem {
    const ProblemType& type;
    std::string detail;
    std::string pointer = {};               // JSON pointer of the body's field at fault
    std::string parameter = {};             // or the query parameter's name
    std::optional<base::Error> cause = {};  // what S3, or the engine, said
};

inline Problem make_problem(std::string_view name, std::string detail) {
    return {problem_type(name), std::move(detail)};
}

// What is wrong with a request's body: bad_json, or a field.
Problem body_problem(const base::Error& error);
// What JobService refused.
Problem job_problem(const base::Error& error);
// What kept the engine from a plan or a presigned URL.
Problem engine_problem(const base::Error& error);

HttpResponse to_response(const Problem& problem);  // in api_json.cc

}  // namespace s3zipd
