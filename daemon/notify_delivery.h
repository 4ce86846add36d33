// One attempt to tell a receiver of a job that has ended: a signed POST over a connection of its
// own. What becomes of a failure is the Notifier's to decide.
//
// Runs on the reactor of the ConnectionPool, whose filter says where it may go. Redirects are not
// followed, environment proxies not asked. Errors tell the origin of the URL, not its path and
// query, nor the secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/task.h"
#include "s3client/connection_pool.h"
#include "s3client/http_url.h"

namespace s3zipd {

// Of an answer's body so much is read, for so long, and dropped: closing earlier would reset the
// connection under a receiver that still writes.
inline constexpr std::size_t kNotifyAnswerMax_bytes = 16 << 10;
inline constexpr base::Duration kNotifyAnswerTimeout = std::chrono::seconds(1);

// t=1774012800,v1=<hex of HMAC-SHA256(secret, "1774012800." + body)>
std::string notify_signature(std::string_view secret, base::UtcTime now, std::string_view body);

struct NotifyRequest {
    const s3client::HttpUrl& url;
    const std::string& job_id;  // visible ASCII
    const std::string& body;
    const std::string& secret;
};

struct NotifyAttempt {
    std::optional<base::Error> error;  // none: the receiver said 2xx
    // It will hardly change its mind: a redirect, 4xx but 408, 425 and 429, or an address that is
    // not to be connected to.
    bool refused = false;
    std::optional<base::Duration> retry_after;  // what the answer asks for
};

// What `request` refers to outlives the task.
io::Task<NotifyAttempt> attempt_delivery(io::Reactor& reactor,
                                         s3client::ConnectionPool& connections,
                                         NotifyRequest request, io::Bounds bounds);

}  // namespace s3zipd
