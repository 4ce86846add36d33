// A request and an answer of the REST API as plain data, so that what the API says is independent
// of who speaks HTTP.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace s3zipd {

struct Caller;

struct HttpRequest {
    std::string method;  // upper case
    std::string target;  // path and query as received, percent-encoded
    std::string content_type;
    std::string if_none_match;
    bool is_preflight = false;  // of a page whose origin is allowed (CORS)
    bool has_idempotency_key = false;
    std::string idempotency_key;
    std::shared_ptr<const Caller> caller;  // nullptr: not known
    std::optional<std::size_t> route;      // of Routes::list()
    std::string body;
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
};

}  // namespace s3zipd
