#include "daemon/routes_table.h"

#include <array>

#include "daemon/api_state.h"

namespace s3zipd {
namespace {

constexpr std::array kRoutes = {
    Route{"POST", "/archives", Endpoint::create, Right::submit},
    Route{"GET", "/archives", Endpoint::list, Right::read},
    Route{"GET", "/archives/{id}", Endpoint::show, Right::read},
    Route{"DELETE", "/archives/{id}", Endpoint::cancel, Right::submit},
    Route{"GET", "/archives/{id}/events", Endpoint::events, Right::read},
    Route{"GET", "/events", Endpoint::feed, Right::read},
    Route{"GET", "/archives/{id}/download", Endpoint::download, Right::read},
    Route{"GET", "/archives/{id}/skipped", Endpoint::skipped, Right::read},
    Route{"GET", "/archives/{id}/renamed", Endpoint::renamed, Right::read},
    Route{"POST", "/plans", Endpoint::plan, Right::submit},
    Route{"GET", "/healthz", Endpoint::health, Right::none},
    Route{"GET", "/readyz", Endpoint::readiness, Right::none},
    Route{"GET", "/metrics", Endpoint::metrics, Right::read},
    Route{"GET", "/version", Endpoint::version, Right::none},
    Route{"GET", "/openapi.json", Endpoint::openapi, Right::none},
    Route{"GET", "/", Endpoint::page, Right::none},
    Route{"GET", "/page/{file}", Endpoint::page_file, Right::none},
};

static_assert(kRoutes.size() <= ApiState::kRoutesMax);

bool matches(const Route& route, const Target& target) {
    if (target.segments.empty()) return route.path == "/";
    std::string_view rest = route.path;
    for (const std::string& segment : target.segments) {
        if (rest.empty()) return false;
        const std::string_view pattern = rest.substr(1, rest.find('/', 1) - 1);
        rest.remove_prefix(pattern.size() + 1);
        if (pattern != segment && (!pattern.starts_with('{') || segment.empty())) return false;
    }
    return rest.empty();
}

// HEAD is GET without the body, for what has an end.
bool allows(const Route& route, std::string_view method) {
    return method == route.method ||
           (method == "HEAD" && route.method == "GET" && route.endpoint != Endpoint::events &&
            route.endpoint != Endpoint::feed);
}

}  // namespace

std::span<const Route> all_routes() { return kRoutes; }

const Route* find_route(const Target& target, std::string_view method) {
    for (const Route& route : kRoutes) {
        if (matches(route, target) && allows(route, method)) return &route;
    }
    return nullptr;
}

std::string allowed_methods(const Target& target) {
    std::string allowed;
    for (const std::string_view method : {"GET", "HEAD", "POST", "DELETE"}) {
        if (find_route(target, method) == nullptr) continue;
        allowed += allowed.empty() ? "" : ", ";
        allowed += method;
    }
    return allowed;
}

}  // namespace s3zipd
