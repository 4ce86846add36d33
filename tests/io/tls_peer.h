// A TLS server for tests: OpenSSL on a blocking socket, with certificates made here from a CA made
// here.
#pragma once

#include <openssl/ssl.h>
#include <memory>
#include <string>

#include "loopback.h"

namespace io {

template <auto Free>
struct FreeWith {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;

struct Identity {
    KeyPtr key;
    CertificatePtr certificate;
};

// A certification authority, its certificate in a PEM file that lasts as long as it does.
class TestCa {
  public:
    explicit TestCa(const std::string& name = "s3zipd test CA");
    ~TestCa();
    TestCa(const TestCa&) = delete;
    TestCa& operator=(const TestCa&) = delete;
    const std::string& pem_file() const { return pem_file_; }
    // alternative_names as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1". `days` from now;
    // negative: expired.
    Identity issue(const std::string& alternative_names, int days = 1) const;

  private:
    Identity self_;
    std::string pem_file_;
};

class TlsPeer {
  public:
    // version: TLS1_2_VERSION or TLS1_3_VERSION, nothing else is spoken.
    TlsPeer(Peer peer, const Identity& identity, int version);

    bool handshake() { return SSL_accept(ssl_.get()) == 1; }
    bool write(base::ByteView bytes);
    std::vector<std::byte> read_exactly(std::size_t size);  // fewer at the end
    // Sends `size` bytes of the pattern and receives as many of the client's, both at once; true if
    // all were right. Asks for new keys `key_updates` times on the way (TLS 1.3).
    bool exchange(std::size_t size, int key_updates);
    void close_notify() { SSL_shutdown(ssl_.get()); }
    bool request_key_update() { return SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1; }
    Peer& transport() { return peer_; }
    SSL* ssl() { return ssl_.get(); }

  private:
    Peer peer_;
    std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context_;
    std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
};

}  // namespace io
