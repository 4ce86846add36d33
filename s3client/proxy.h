// The HTTP proxies that requests go through: HTTPS_PROXY for https, HTTP_PROXY for http, ALL_PROXY
// for both, except to the hosts of NO_PROXY; each also in lower case, which wins. The values are
// read as curl and the AWS SDKs read them:
// https://curl.se/docs/manpage.html#ENVIRONMENT
// https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-proxy.html
//
// Pure and immutable, no I/O; shared by threads. A proxy's user and password are secrets: they are
// in no error and in no text of this file but Proxy::authorization.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_network.h"
#include "s3client/environment.h"

namespace s3client {

struct Proxy {
    std::string host;  // an IPv6 address without brackets
    std::uint16_t port = 0;
    bool tls = false;           // TLS to the proxy itself
    std::string authorization;  // value of Proxy-Authorization; empty: none

    std::string authority() const;  // "proxy.example:3128": for messages
};

// host and port as an authority: an IPv6 address gets brackets.
std::string authority_of(std::string_view host, std::uint16_t port);

// The hosts that are reached directly. Comma-separated: "*" for all; a name, for itself and all
// names below it, with or without a dot before it; an address; a network (10.0.0.0/8); each may
// have a port, an IPv6 address then brackets. What is none of these matches nothing.
class NoProxy {
  public:
    explicit NoProxy(std::string_view list);
    bool matches(std::string_view host, std::uint16_t port) const;

  private:
    struct Entry {
        std::string name;  // lower case, without dots around it; empty: `network`
        std::optional<base::IpNetwork> network;
        std::uint16_t port = 0;  // 0: any
    };
    bool all_ = false;
    std::vector<Entry> entries_;
};

class ProxyRules {
  public:
    // Errors: invalid "bad_proxy", which names the variable and not its value. A proxy's URL is
    // [http[s]://][user[:password]@]host[:port]; the port is 80, or 443 for https.
    static base::Result<ProxyRules> from_environment(const Environment& environment);

    // None: the host is connected to directly. So are, whatever the variables say, link-local
    // addresses, and this machine (localhost, loopback addresses) unless the proxy is on this
    // machine, too: on another one these names mean another host.
    const Proxy* proxy_for(std::string_view host, std::uint16_t port, bool tls) const;

    bool empty() const { return !http_ && !https_; }
    const std::optional<Proxy>& http() const { return http_; }
    const std::optional<Proxy>& https() const { return https_; }
    const std::string& exceptions() const { return exceptions_; }  // NO_PROXY as it is written

  private:
    std::optional<Proxy> http_, https_;
    std::string exceptions_;
    NoProxy no_proxy_{""};
};

}  // namespace s3client
