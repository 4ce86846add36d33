#include "cli/http_tls.h"

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/http/error.hpp>

namespace cli {
namespace {

namespace ssl = boost::asio::ssl;
using ErrorCode = boost::system::error_code;

base::Error bad_tls(std::string_view flag, const std::string& file, const std::string& what) {
    return {
        base::ErrorKind::invalid, "bad_tls", fmt::format("{} {}: {}", flag, file, what), 0, {}, {}};
}

// Why we do not trust the daemon's certificate.
std::string distrust(long verified, const std::string& host) {
    switch (verified) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format("its certificate is not for {}", host);
        case X509_V_ERR_CERT_HAS_EXPIRED: return "its certificate has expired";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "its certificate is not valid yet (is the clock of this machine right?)";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_UNTRUSTED:
            return "its certificate is signed by a CA that is not known here; --ca-file or "
                   "S3ZIPD_CA_FILE says which to trust";
        default:
            return fmt::format("its certificate is not trusted: {}",
                               X509_verify_cert_error_string(verified));
    }
}

// What the daemon said, or how it spoke.
std::optional<std::string> refusal(int reason) {
    switch (reason) {
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
            return "it says that our certificate (--client-cert) has expired";
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
            return "it does not know the CA of our certificate (--client-cert)";
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
            return "it does not accept our certificate (--client-cert)";
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST: return "it does not speak TLS there; is it http://?";
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return "it speaks no TLS of version 1.2 or newer";
        default: return std::nullopt;
    }
}

// By the other side, before its answer.
bool is_cut(const ErrorCode& error) {
    return error.category() == boost::asio::error::get_ssl_category() ||
           error == ssl::error::stream_truncated || error == boost::asio::error::eof ||
           error == boost::asio::error::connection_reset ||
           error == boost::asio::error::broken_pipe ||
           error == boost::beast::http::error::end_of_stream;
}

}  // namespace

HttpTls::HttpTls() : context_(ssl::context::tls_client) {}

base::Result<std::shared_ptr<const HttpTls>> HttpTls::load(const DaemonAccess& access) {
    const std::shared_ptr<HttpTls> tls(new HttpTls);
    ssl::context& context = tls->context_;
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    ErrorCode error;
    context.set_verify_mode(ssl::verify_peer, error);
    if (access.ca_file.empty()) {
        if (!error) context.set_default_verify_paths(error);
        if (error) return base::fail(bad_tls("TLS", "", error.message()));
    } else if (context.load_verify_file(access.ca_file, error); error) {
        return base::fail(bad_tls("--ca-file", access.ca_file, error.message()));
    }
    const std::string& certificate = access.client_cert_file;
    if (certificate.empty()) {
        if (access.client_key_file.empty()) return tls;
        return base::fail(
            bad_tls("--client-key", access.client_key_file, "goes with --client-cert"));
    }
    if (context.use_certificate_chain_file(certificate, error); error)
        return base::fail(bad_tls("--client-cert", certificate, error.message()));
    const std::string& key = access.client_key_file.empty() ? certificate : access.client_key_file;
    if (context.use_private_key_file(key, ssl::context::pem, error); error) {
        const bool differs =
            ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH;
        return base::fail(bad_tls("--client-key", key,
                                  differs ? "is not the key of " + certificate : error.message()));
    }
    tls->shows_certificate_ = true;
    return tls;
}

bool HttpTls::expect(SSL* connection, const std::string& host) {
    ErrorCode no_address;
    boost::asio::ip::make_address(host, no_address);
    X509_VERIFY_PARAM* param = SSL_get0_param(connection);
    if (!no_address) return X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(connection, host.c_str()) == 1 &&
           SSL_set1_host(connection, host.c_str()) == 1;
}

std::optional<std::string> HttpTls::explain(SSL* connection, const ErrorCode& error,
                                            const std::string& host) const {
    if (const long verified = SSL_get_verify_result(connection); verified != X509_V_OK)
        return distrust(verified, host);
    // A daemon that misses our certificate says so and closes at once; what it said may be lost.
    if (!shows_certificate_ && is_cut(error) && SSL_get0_peer_CA_list(connection) != nullptr) {
        return "it asks for a certificate of ours: --client-cert and --client-key, or "
               "S3ZIPD_CLIENT_CERT and S3ZIPD_CLIENT_KEY";
    }
    if (error.category() != boost::asio::error::get_ssl_category()) return std::nullopt;
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
    if (auto text = refusal(reason)) return text;
    return "TLS failed: " + error.message();
}

}  // namespace cli
