#include "s3client/sigv4.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/encoding.h"

namespace s3client {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// Headers a proxy or the transport may change on the way, and the signature itself.
// Proxies and front ends rewrite accept-encoding (Google's does for every request).
constexpr std::array<std::string_view, 10> kUnsignedHeaders = {
    "accept-encoding", "authorization",     "connection", "expect",     "te",
    "trailer",         "transfer-encoding", "upgrade",    "user-agent", "x-amzn-trace-id"};

struct MacContextFree {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, MacContextFree>;

// Fetched once: a fetch costs more than the hash of a request. Never freed; they are immutable.
const EVP_MD* sha256_method() {
    static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    CHECK(method != nullptr);
    return method;
}
EVP_MAC* hmac_method() {
    static EVP_MAC* const method = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    CHECK(method != nullptr);
    return method;
}

const unsigned char* uchars(base::ByteView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

// A context that holds the key's two padded blocks hashed already.
MacContext keyed_context(base::ByteView key) {
    MacContext context(EVP_MAC_CTX_new(hmac_method()));
    CHECK(context != nullptr);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    CHECK(EVP_MAC_init(context.get(), uchars(key), key.size(), params) == 1);
    return context;
}

Sha256 finish_mac(EVP_MAC_CTX* context, base::ByteView message) {
    Sha256 out;
    std::size_t size = 0;
    CHECK(EVP_MAC_update(context, uchars(message), message.size()) == 1);
    CHECK(EVP_MAC_final(context, reinterpret_cast<unsigned char*>(out.data()), &size, out.size()) ==
          1);
    CHECK(size == out.size());
    return out;
}

struct HeaderRef {
    std::string_view name;
    std::string_view value;
};

// The headers that are signed, sorted by name; equal names keep their order. There are about ten.
std::vector<HeaderRef> signed_headers(const HttpRequest& request) {
    std::vector<HeaderRef> refs;
    refs.reserve(request.headers.size() + 1);
    refs.push_back({"host", request.host});
    for (const auto& [name, value] : request.headers) {
        if (std::ranges::find(kUnsignedHeaders, name) != kUnsignedHeaders.end()) continue;
        refs.insert(std::ranges::upper_bound(refs, std::string_view(name), {}, &HeaderRef::name),
                    {name, value});
    }
    return refs;
}

std::string join_names(const std::vector<HeaderRef>& headers) {
    std::string names;
    names.reserve(headers.size() * 20);
    for (std::size_t i = 0; i < headers.size(); ++i) {
        if (i > 0 && headers[i].name == headers[i - 1].name) continue;
        if (i > 0) names += ';';
        names += headers[i].name;
    }
    return names;
}

// Trimmed, and runs of white space as one space.
void append_folded(std::string& out, std::string_view value) {
    bool pending = false;
    bool begun = false;
    for (const char c : value) {
        if (c == ' ' || c == '\t') {
            pending = begun;
            continue;
        }
        if (pending) out += ' ';
        out += c;
        pending = false;
        begun = true;
    }
}

void append_headers(std::string& out, const std::vector<HeaderRef>& headers) {
    for (std::size_t i = 0; i < headers.size(); ++i) {
        const bool repeated = i > 0 && headers[i].name == headers[i - 1].name;
        if (repeated) {
            out.back() = ',';  // over the line feed of the value before
        } else {
            out.append(headers[i].name).append(":");
        }
        append_folded(out, headers[i].value);
        out += '\n';
    }
}

}  // namespace

PayloadHash PayloadHash::unsigned_payload() { return PayloadHash(std::string(kUnsignedPayload)); }
PayloadHash PayloadHash::empty() { return PayloadHash(std::string(kEmptySha256)); }
PayloadHash PayloadHash::of(base::ByteView payload) {
    return PayloadHash(base::hex(sha256(payload)));
}

Sha256 sha256(base::ByteView bytes) {
    Sha256 out;
    unsigned size = 0;
    CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()),
                     &size, sha256_method(), nullptr) == 1);
    CHECK(size == out.size());
    return out;
}

Sha256 hmac_sha256(base::ByteView key, base::ByteView message) {
    return finish_mac(keyed_context(key).get(), message);
}

CanonicalRequest canonical_request(const HttpRequest& request, std::string_view payload_hash) {
    const std::vector<HeaderRef> headers = signed_headers(request);
    CanonicalRequest canonical;
    canonical.signed_headers = join_names(headers);
    std::string& text = canonical.text;
    text.reserve(1024);
    text.append(request.method).append("\n").append(request.path).append("\n");
    text.append(encode_query(request.query)).append("\n");
    append_headers(text, headers);
    text.append("\n").append(canonical.signed_headers).append("\n").append(payload_hash);
    return canonical;
}

std::string credential_scope(std::string_view amz_date, std::string_view region,
                             std::string_view service) {
    return fmt::format("{}/{}/{}/aws4_request", amz_date.substr(0, 8), region, service);
}

std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                           std::string_view canonical_request_text) {
    return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, amz_date, scope,
                       base::hex(sha256(base::as_bytes(canonical_request_text))));
}

// The derived keys of the last few (secret, day, region, service): sources and destination of a
// job may lie in different regions, and around midnight two days are in use.
struct Signer::Impl {
    struct Key {
        std::string secret, date, region, service;
        MacContext context;
    };
    std::array<Key, 8> keys;
    std::size_t next = 0;

    EVP_MAC_CTX* key_for(std::string_view secret, std::string_view date, std::string_view region,
                         std::string_view service) {
        for (Key& key : keys) {
            if (key.context && key.date == date && key.region == region && key.service == service &&
                key.secret == secret) {
                return key.context.get();
            }
        }
        const std::string start = "AWS4" + std::string(secret);
        Sha256 step = hmac_sha256(base::as_bytes(start), base::as_bytes(date));
        step = hmac_sha256(step, base::as_bytes(region));
        step = hmac_sha256(step, base::as_bytes(service));
        step = hmac_sha256(step, base::as_bytes("aws4_request"));
        Key& slot = keys[next++ % keys.size()];
        slot = {std::string(secret), std::string(date), std::string(region), std::string(service),
                keyed_context(step)};
        return slot.context.get();
    }

    std::string signature(const Credentials& credentials, std::string_view region,
                          std::string_view service, std::string_view amz_date,
                          std::string_view scope, std::string_view canonical_text) {
        const std::string text = string_to_sign(amz_date, scope, canonical_text);
        EVP_MAC_CTX* context =
            key_for(credentials.secret_access_key, amz_date.substr(0, 8), region, service);
        CHECK(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);  // back to the keyed state
        return base::hex(finish_mac(context, base::as_bytes(text)));
    }
};

Signer::Signer() : impl_(std::make_unique<Impl>()) {}
Signer::~Signer() = default;

void Signer::sign(HttpRequest& request, const PayloadHash& payload, const Credentials& credentials,
                  std::string_view region, base::UtcTime now, std::string_view service) {
    if (credentials.anonymous()) return;
    const std::string amz_date = base::format_amz_date(now);
    const std::string scope = credential_scope(amz_date, region, service);
    request.set_header("x-amz-date", amz_date);
    request.set_header("x-amz-content-sha256", payload.value());
    if (credentials.session_token.empty()) {
        std::erase_if(request.headers, [](const NameValue& header) {
            return header.first == "x-amz-security-token";  // of credentials since replaced
        });
    } else {
        request.set_header("x-amz-security-token", credentials.session_token);
    }
    const CanonicalRequest canonical = canonical_request(request, payload.value());
    request.set_header("authorization",
                       fmt::format("{} Credential={}/{},SignedHeaders={},Signature={}", kAlgorithm,
                                   credentials.access_key_id, scope, canonical.signed_headers,
                                   impl_->signature(credentials, region, service, amz_date, scope,
                                                    canonical.text)));
}

base::Result<std::string> Signer::presign(HttpRequest request, std::string_view scheme,
                                          const Credentials& credentials, std::string_view region,
                                          std::uint64_t expires_s, base::UtcTime now) {
    if (expires_s < 1 || expires_s > kPresignExpiresMax_s) {
        return base::fail(base::ErrorKind::invalid, "bad_expiry",
                          fmt::format("a presigned URL lasts 1 to {} seconds, not {}",
                                      kPresignExpiresMax_s, expires_s));
    }
    if (credentials.anonymous())
        return fmt::format("{}://{}{}", scheme, request.host, encode_target(request));
    const std::string amz_date = base::format_amz_date(now);
    const std::string scope = credential_scope(amz_date, region);
    auto& query = request.query;
    query.emplace_back("X-Amz-Algorithm", kAlgorithm);
    query.emplace_back("X-Amz-Credential", credentials.access_key_id + "/" + scope);
    query.emplace_back("X-Amz-Date", amz_date);
    query.emplace_back("X-Amz-Expires", std::to_string(expires_s));
    query.emplace_back("X-Amz-SignedHeaders", join_names(signed_headers(request)));
    if (!credentials.session_token.empty()) {
        query.emplace_back("X-Amz-Security-Token", credentials.session_token);
    }
    const CanonicalRequest canonical = canonical_request(request, kUnsignedPayload);
    return fmt::format(
        "{}://{}{}&X-Amz-Signature={}", scheme, request.host, encode_target(request),
        impl_->signature(credentials, region, "s3", amz_date, scope, canonical.text));
}

}  // namespace s3client
