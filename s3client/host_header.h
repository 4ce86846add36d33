// What the Host header says of an Endpoint: the port only if it is not the scheme's own.
#pragma once

#include <string>

#include "s3client/endpoint.h"

namespace s3client {

inline std::string host_header(const Endpoint& endpoint) {
    const bool is_ipv6 = endpoint.host.contains(':');
    std::string host = is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host;
    const bool usual = endpoint.port == (endpoint.tls ? 443 : 80);
    return usual ? host : host + ":" + std::to_string(endpoint.port);
}

}  // namespace s3client
