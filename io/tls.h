// TLS over any Stream, with OpenSSL as a machine without sockets: ciphertext goes through this
// stream's buffers. The peer's certificate and host name are verified, always; TLS 1.2 is the
// least.
//
// A TlsContext is shared by the connections of all reactors and thread-safe once made. Making it
// reads the CA bundle (tens of ms), so do that before the reactors run.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "io/stream.h"

namespace io {

class TlsContext {
  public:
    // ca_bundle: a PEM file; empty for the system's (Debian's and Amazon Linux's places are tried).
    static base::Result<std::shared_ptr<TlsContext>> create(const std::string& ca_bundle);
    ~TlsContext();
    void* native() const { return context_; }

  private:
    explicit TlsContext(void* context) : context_(context) {}
    void* context_;  // SSL_CTX
};

// Performs the handshake over `transport`. `host` is what the certificate must name; an IP address
// is matched as one.
Task<base::Result<std::unique_ptr<Stream>>> start_tls(std::shared_ptr<TlsContext> context,
                                                      std::unique_ptr<Stream> transport,
                                                      std::string host, Bounds bounds);

}  // namespace io
