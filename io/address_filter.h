// Which addresses may be connected to when others say where: a server that follows a URL it was
// given must not be led to its own machine, its link, or the place that hands out its credentials.
//
// Pure and immutable; copy it freely. It judges the address that is connected to, so neither
// another spelling of it nor a name that answers differently each time helps anybody. Networks that
// are private but not this machine (10/8, 172.16/12, 192.168/16, fc00::/7) are allowed.
#pragma once

#include <string_view>
#include <vector>

#include "base/ip_network.h"
#include "io/stream.h"

namespace io {

class AddressFilter {
  public:
    // What is in one of these networks is allowed, whatever it is. Of an IPv6 address that holds an
    // IPv4 address, mapped ones excepted, the IPv6 address must be.
    explicit AddressFilter(std::vector<base::IpNetwork> allowed = {})
        : allowed_(std::move(allowed)) {}

    // Why not: "loopback", "link-local"...; empty: it may be connected to.
    std::string_view refusal(const SocketAddress& address) const;
    std::string_view refusal(const base::IpAddress& address) const;

  private:
    std::vector<base::IpNetwork> allowed_;
};

}  // namespace io
