// Which web pages may use the API. A page can make a browser on this machine send requests to the
// loopback, and by DNS rebinding it can do so under a host name of its own. The headers that
// browsers add show where a request comes from.
//
//   Host            must name this machine where no token or client certificate is needed
//   Origin          must be the daemon's own, or in `allowed_origins`
//   Sec-Fetch-Site  must be same-origin or none, unless Origin is in `allowed_origins`
//
// Sources: RFC 9110, section 7.2 (Host); https://fetch.spec.whatwg.org (Origin, CORS);
// https://www.w3.org/TR/fetch-metadata/ (Sec-Fetch-Site). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/web_names.h"
#include "daemon/problem.h"

namespace s3zipd {

struct WebRules {
    std::vector<config::WebHost> hosts;      // the setting allowed_hosts
    std::vector<config::WebOrigin> origins;  // the setting allowed_origins
};

// The listener that a request came to, and which checks its callers need.
struct WebArrival {
    bool is_unix = false;  // no browser can connect to it, but a proxy may for one
    bool is_tls = false;
    bool checks_host = true;
    bool checks_origin = true;  // false: the request is worth nothing without its token
};

// The headers of a request that matter here, as they came.
struct WebHeaders {
    std::optional<std::string> host = {};  // HTTP/1.0 may have none
    std::optional<std::string> origin = {};
    std::optional<std::string> fetch_site = {};  // Sec-Fetch-Site
    std::optional<std::string> fetch_mode = {};  // Sec-Fetch-Mode
    std::optional<std::string> fetch_dest = {};  // Sec-Fetch-Dest
};

// The reason to refuse a request with this method and target: bad-http (Host is malformed, or
// missing where it is checked), host-not-allowed or origin-not-allowed.
std::optional<Problem> refuse_web(const WebRules& rules, const WebArrival& arrival,
                                  const WebHeaders& headers, std::string_view method,
                                  std::string_view target);

bool allows_origin(const WebRules& rules, const std::optional<std::string>& origin);

using HeaderList = std::vector<std::pair<std::string, std::string>>;
// The headers of an answer that let a page of an allowed origin read it (CORS). Without any origin
// in `rules` there are none; for other origins only `Vary`, which keeps caches apart.
HeaderList cors_headers(const WebRules& rules, const std::optional<std::string>& origin);

// The answer to a preflight of an allowed origin, for a resource that has these methods.
HttpResponse preflight_response(std::string_view methods);

}  // namespace s3zipd
