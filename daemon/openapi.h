// The OpenAPI document of the API, openapi.json, built into the daemon. A test holds it to the
// table of routes.
#pragma once

#include <string_view>

namespace s3zipd {
extern const std::string_view kOpenApi;
}
