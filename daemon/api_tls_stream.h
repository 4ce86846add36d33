// TLS for ApiStream: OpenSSL straight on the socket.
//
// Asio's ssl::stream keeps four buffers of a record's size for as long as a connection lives, some
// 80 KiB; here a connection that is silent holds none, so that thousands can watch events.
#pragma once

#include <memory>

#include "daemon/api_stream.h"

namespace s3zipd {

std::unique_ptr<ApiStream> make_tls_stream(ApiStream::Socket socket, const ApiTls& tls);

}  // namespace s3zipd
