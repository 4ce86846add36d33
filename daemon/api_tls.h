// TLS of the REST API: our certificate, and whose clients' certificates are accepted. Immutable and
// thread-safe; a reload makes a new one, connections go on with theirs.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/api.h"

namespace s3zipd {

class ApiTls {
  public:
    // TLS 1.2 and 1.3. Errors: invalid "bad_tls", which name the file.
    static base::Result<std::shared_ptr<const ApiTls>> load(const TlsFiles& files);

    // OpenSSL counts the references of what is made from it.
    SSL_CTX* native_handle() const { return context_.native_handle(); }
    bool asks_for_certificates() const { return asks_for_certificates_; }

  private:
    ApiTls();
    mutable boost::asio::ssl::context context_;
    bool asks_for_certificates_ = false;
};

// The common name and the DNS and URI alternative names of the certificate that the other side of
// this connection has shown; empty: none.
std::vector<std::string> certificate_names(SSL* connection);

}  // namespace s3zipd
