// TLS to the daemon: whom we trust, what we show, and what went wrong in words. Immutable; the
// connections that are made with it use it on one thread at a time.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/daemon_access.h"

namespace cli {

class HttpTls {
  public:
    // TLS 1.2 and 1.3. Errors: invalid "bad_tls", which name the flag and the file.
    static base::Result<std::shared_ptr<const HttpTls>> load(const DaemonAccess& access);

    boost::asio::ssl::context& context() const { return context_; }
    // Before the handshake: the certificate must be one of `host`, a name or an IP address.
    static bool expect(SSL* connection, const std::string& host);
    // What the two sides did not agree on; none: the connection failed for another reason.
    std::optional<std::string> explain(SSL* connection, const boost::system::error_code& error,
                                       const std::string& host) const;

  private:
    HttpTls();
    mutable boost::asio::ssl::context context_;
    bool shows_certificate_ = false;
};

}  // namespace cli
