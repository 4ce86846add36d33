// One small request, one small answer, as text: for credentials, not for objects. No retries.
//
// Runs on the reactor of the ConnectionPool, whose connections and TLS it uses; the pool outlives
// it. The answer's status is the caller's to judge. Bodies may hold secrets: errors say only where
// the request went.
#pragma once

#include <cstdint>
#include <string>

#include "io/task.h"
#include "s3client/connection_pool.h"
#include "s3client/request.h"

namespace s3client {

inline constexpr std::size_t kFetchBodyMax_bytes = 64 << 10;

struct HttpAnswer {
    int status = 0;
    std::string body;
};

// Metadata services are this machine's own: no proxy may see what they answer.
enum class Route : std::uint8_t { direct, by_proxy };

// request.path is taken as it is; request.host is set if it is empty. body: sent with a
// Content-Length unless the method is GET. route: whether the pool's proxies may be on the way.
io::Task<base::Result<HttpAnswer>> http_fetch(ConnectionPool& connections, Endpoint endpoint,
                                              HttpRequest request, std::string body,
                                              io::Bounds bounds, Route route = Route::direct);

}  // namespace s3client
