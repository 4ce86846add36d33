#include "daemon/api_tls.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace s3zipd {
namespace {

namespace ssl = boost::asio::ssl;
using ErrorCode = boost::system::error_code;

// Sessions are resumed only by who was verified for this.
constexpr unsigned char kSessionContext[] = "s3zipd";

base::Error bad_tls(const std::string& file, const std::string& what) {
    return {base::ErrorKind::invalid, "bad_tls", fmt::format("{}: {}", file, what), 0, {}, {}};
}

// None if it has a byte that a name cannot have: "a.com\0.evil.com" is not a.com.
void add_name(std::vector<std::string>& names, const ASN1_STRING* text) {
    if (text == nullptr) return;
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, text);
    if (size <= 0) return;
    std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
    if (name.find('\0') == std::string::npos) names.push_back(std::move(name));
}

}  // namespace

ApiTls::ApiTls() : context_(ssl::context::tls_server) {}

base::Result<std::shared_ptr<const ApiTls>> ApiTls::load(const TlsFiles& files) {
    const std::shared_ptr<ApiTls> tls(new ApiTls);
    ssl::context& context = tls->context_;
    SSL_CTX* native = context.native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    // Tickets are kept by clients; a cache would be kept by us.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(native, kSessionContext, sizeof kSessionContext - 1);

    // OpenSSL would ask at the terminal.
    context.set_password_callback([](std::size_t, ssl::context::password_purpose) { return ""; });
    ErrorCode error;
    if (context.use_certificate_chain_file(files.certificate, error); error)
        return base::fail(bad_tls(files.certificate, error.message()));
    if (context.use_private_key_file(files.key, ssl::context::pem, error); error)
        return base::fail(bad_tls(files.key, error.message()));
    if (SSL_CTX_check_private_key(native) != 1)
        return base::fail(bad_tls(files.key, "is not the key of " + files.certificate));
    if (!files.client_ca.empty()) {
        if (context.load_verify_file(files.client_ca, error); error)
            return base::fail(bad_tls(files.client_ca, error.message()));
        // So that clients know which of their certificates to show.
        SSL_CTX_set_client_CA_list(native, SSL_load_client_CA_file(files.client_ca.c_str()));
        context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error);
        if (error) return base::fail(bad_tls(files.client_ca, error.message()));
        tls->asks_for_certificates_ = true;
    }
    return tls;
}

std::vector<std::string> certificate_names(SSL* connection) {
    std::vector<std::string> names;
    X509* certificate = SSL_get1_peer_certificate(connection);
    if (certificate == nullptr) return names;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
        add_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    auto* others = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(others); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(others, i);
        if (name->type == GEN_DNS) add_name(names, name->d.dNSName);
        if (name->type == GEN_URI) add_name(names, name->d.uniformResourceIdentifier);
    }
    GENERAL_NAMES_free(others);
    X509_free(certificate);
    return names;
}

}  // namespace s3zipd
