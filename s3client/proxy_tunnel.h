// A tunnel through an HTTP proxy: CONNECT, after which the bytes are the target's
// (https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/stream.h"
#include "s3client/proxy.h"

namespace s3client {

// The stream to host:port through `proxy`, which `stream` is connected to. Runs on the stream's
// reactor; waits within the bounds. Errors: "proxy_refused" with the proxy's status (transient for
// 429 and 5xx, else denied); corrupt "bad_http_response"; those of the stream. None of them names
// the proxy.
io::Task<base::Result<std::unique_ptr<io::Stream>>> open_tunnel(std::unique_ptr<io::Stream> stream,
                                                                const Proxy& proxy,
                                                                std::string host,
                                                                std::uint16_t port,
                                                                io::Bounds bounds);

// The error of a proxy that answers `status` instead of passing on what was asked: the tunnel to
// or the request for `target`. Its http_status is 0, because the store has not answered.
base::Error proxy_refusal(int status, std::string_view target);

}  // namespace s3client
