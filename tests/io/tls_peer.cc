#include "tls_peer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <algorithm>
#include <cstdio>

namespace io {
namespace {

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    CHECK(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

// A certificate without extensions or signature.
Identity draft(const std::string& common_name, int days) {
    static long serial = 0;
    Identity made{KeyPtr(EVP_EC_gen("P-256")), CertificatePtr(X509_new())};
    X509* certificate = made.certificate.get();
    X509_set_version(certificate, 2);  // X.509 v3
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7L * 24 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * 24L * 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_pubkey(certificate, made.key.get());
    return made;
}

}  // namespace

TestCa::TestCa(const std::string& name) : self_(draft(name, 1)) {
    X509* certificate = self_.certificate.get();
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign");
    CHECK(X509_sign(certificate, self_.key.get(), EVP_sha256()) != 0);

    pem_file_ = testing::TempDir() + "s3zipd-test-ca-XXXXXX";
    const int fd = ::mkstemp(pem_file_.data());
    CHECK(fd >= 0);
    std::FILE* file = ::fdopen(fd, "w");
    CHECK(PEM_write_X509(file, certificate) == 1);
    CHECK(std::fclose(file) == 0);
}

TestCa::~TestCa() { ::unlink(pem_file_.c_str()); }

Identity TestCa::issue(const std::string& alternative_names, int days) const {
    Identity leaf = draft("a leaf", days);
    X509_set_issuer_name(leaf.certificate.get(), X509_get_subject_name(self_.certificate.get()));
    add_extension(leaf.certificate.get(), self_.certificate.get(), NID_subject_alt_name,
                  alternative_names);
    CHECK(X509_sign(leaf.certificate.get(), self_.key.get(), EVP_sha256()) != 0);
    return leaf;
}

TlsPeer::TlsPeer(Peer peer, const Identity& identity, int version)
    : peer_(std::move(peer)), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX* context = context_.get();
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    CHECK(SSL_CTX_use_certificate(context, identity.certificate.get()) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context, identity.key.get()) == 1);
    ssl_.reset(SSL_new(context));
    CHECK(SSL_set_fd(ssl_.get(), peer_.fd()) == 1);
}

bool TlsPeer::write(base::ByteView bytes) {
    while (!bytes.empty()) {
        std::size_t put = 0;
        if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put) != 1) return false;
        bytes = bytes.subspan(put);
    }
    return true;
}

std::vector<std::byte> TlsPeer::read_exactly(std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::size_t have = 0, got = 0;
    while (have < size && SSL_read_ex(ssl_.get(), bytes.data() + have, size - have, &got) == 1)
        have += got;
    bytes.resize(have);
    return bytes;
}

bool TlsPeer::exchange(std::size_t size, int key_updates) {
    CHECK(::fcntl(peer_.fd(), F_SETFL, O_NONBLOCK) == 0);
    const std::vector<std::byte> out = pattern(size);
    std::vector<std::byte> in(size);
    const std::size_t update_every =
        key_updates == 0 ? size + 1 : size / static_cast<std::size_t>(key_updates + 1);
    std::size_t sent = 0, received = 0, next_update = update_every;
    while (sent < size || received < size) {
        bool moved = false;
        std::size_t n = 0;
        if (sent < size && SSL_write_ex(ssl_.get(), out.data() + sent,
                                        std::min<std::size_t>(size - sent, 50'000), &n) == 1) {
            sent += n;
            moved = true;
            if (sent >= next_update) {
                next_update += update_every;
                if (!request_key_update()) return false;
            }
        } else if (sent < size && SSL_get_error(ssl_.get(), 0) != SSL_ERROR_WANT_WRITE) {
            return false;
        }
        if (received < size &&
            SSL_read_ex(ssl_.get(), in.data() + received, size - received, &n) == 1) {
            received += n;
            moved = true;
        } else if (received < size && SSL_get_error(ssl_.get(), 0) != SSL_ERROR_WANT_READ) {
            return false;
        }
        pollfd ready{peer_.fd(), static_cast<short>(sent < size ? POLLIN | POLLOUT : POLLIN), 0};
        if (!moved && ::poll(&ready, 1, 60'000) != 1) return false;
    }
    CHECK(::fcntl(peer_.fd(), F_SETFL, 0) == 0);
    return in == out;
}

}  // namespace io
