// The resources of the REST API: one row for each method of each path. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "daemon/access.h"
#include "daemon/api_target.h"

namespace s3zipd {

enum class Endpoint : std::uint8_t {
    create,
    list,
    show,
    events,
    feed,
    cancel,
    download,
    skipped,
    renamed,
    plan,
    health,
    readiness,
    metrics,
    version,
    openapi,
    page,
    page_file
};

struct Route {
    std::string_view method;
    std::string_view path;  // of literal segments and {id} or {file}
    Endpoint endpoint;
    Right right;
};

std::span<const Route> all_routes();

// The row for this path and method; nullptr: there is none.
const Route* find_route(const Target& target, std::string_view method);
// "GET, HEAD", as the header Allow has them; empty: there is no such path.
std::string allowed_methods(const Target& target);

}  // namespace s3zipd
