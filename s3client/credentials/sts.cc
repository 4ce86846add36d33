#include "s3client/credentials/sts.h"

#include <fmt/format.h>
#include <utility>

#include "s3client/clip.h"
#include "s3client/host_header.h"
#include "s3client/xml_reader.h"

namespace s3client {
namespace {

using base::ErrorKind;
using base::Result;

constexpr std::string_view kVersion = "2011-06-15";
constexpr std::size_t kQuotedMax_bytes = 300;

StsCall call_of(const Endpoint& endpoint, const std::vector<NameValue>& form) {
    StsCall call;
    call.request.method = "POST";
    call.request.host = host_header(endpoint);
    call.request.path = endpoint.path_prefix + "/";
    call.request.set_header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    call.request.set_header("accept", "application/xml");
    call.body = encode_query(form);
    return call;
}

std::string name_or(const std::string& name, std::string_view other) {
    return name.empty() ? std::string(other) : name;
}

ErrorKind kind_of(int status, std::string_view code) {
    if (code == "Throttling" || code == "ThrottlingException" || status == 429) {
        return ErrorKind::throttled;
    }
    // The identity provider could not be reached by STS: it says itself that a retry may help.
    if (code == "IDPCommunicationError" || status >= 500) return ErrorKind::transient;
    if (code == "ValidationError" || code == "MalformedPolicyDocument") return ErrorKind::invalid;
    return ErrorKind::denied;
}

std::unexpected<base::Error> bad_answer(int status, std::string_view what) {
    base::Error error{ErrorKind::corrupt,
                      "bad_sts_answer",
                      fmt::format("STS: the answer is not as it should be: {}", what),
                      status,
                      {},
                      {}};
    if (status >= 500) error.kind = ErrorKind::transient;
    return std::unexpected(std::move(error));
}

// <ErrorResponse><Error><Code/><Message/></Error><RequestId/></ErrorResponse>
base::Error read_error(const Element& root, int status) {
    std::string code, message, request_id;
    for (Element e = root.first(); e; e = e.next()) {
        if (e.text("RequestId", request_id) || !e.is("Error")) continue;
        for (Element inner = e.first(); inner; inner = inner.next()) {
            [[maybe_unused]] const bool known =
                inner.text("Code", code) || inner.text("Message", message);
        }
    }
    const ErrorKind kind = kind_of(status, code);
    if (code.empty()) code = "sts_error";
    return {kind,
            std::string(clip(code, kQuotedMax_bytes)),
            fmt::format("STS: {}", clip(message, kQuotedMax_bytes)),
            status,
            std::string(clip(request_id, kQuotedMax_bytes)),
            {}};
}

// A child of that name, or a complaint.
Element child(XmlReader& reader, const Element& parent, std::string_view name) {
    Element e = parent.first();
    while (e && !e.is(name)) e = e.next();
    if (!e) reader.complain(fmt::format("no <{}>", name));
    return e;
}

}  // namespace

Result<StsEndpoint> sts_endpoint(const Environment& environment, std::string_view region,
                                 std::string_view regional_setting) {
    const std::string signed_for(region.empty() ? "us-east-1" : region);
    if (environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != "true") {
        for (const std::string_view variable : {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"}) {
            const auto url = environment(variable);
            if (!url) continue;
            auto endpoint = parse_endpoint(*url);
            if (!endpoint) return std::unexpected(endpoint.error());
            return StsEndpoint{std::move(*endpoint), signed_for};
        }
    }
    // It knows which regions there are, and in which domain.
    auto like_s3 = endpoint_of_region(signed_for);
    if (!like_s3) return std::unexpected(like_s3.error());
    const std::string setting =
        environment("AWS_STS_REGIONAL_ENDPOINTS").value_or(std::string(regional_setting));
    Endpoint endpoint;
    if (region.empty() || setting == "legacy") {
        endpoint.host = "sts.amazonaws.com";
        return StsEndpoint{std::move(endpoint), "us-east-1"};
    }
    endpoint.host = "sts" + like_s3->host.substr(std::string_view("s3").size());
    return StsEndpoint{std::move(endpoint), signed_for};
}

StsCall assume_role_call(const Endpoint& endpoint, const RoleToAssume& role,
                         std::string_view session_name) {
    std::vector<NameValue> form{{"Action", "AssumeRole"},
                                {"Version", std::string(kVersion)},
                                {"RoleArn", role.role_arn},
                                {"RoleSessionName", name_or(role.role_session_name, session_name)}};
    if (!role.external_id.empty()) form.emplace_back("ExternalId", role.external_id);
    if (role.duration_s) form.emplace_back("DurationSeconds", std::to_string(*role.duration_s));
    return call_of(endpoint, form);
}

StsCall web_identity_call(const Endpoint& endpoint, const WebIdentity& identity,
                          std::string_view token, std::string_view session_name) {
    return call_of(endpoint,
                   {{"Action", "AssumeRoleWithWebIdentity"},
                    {"Version", std::string(kVersion)},
                    {"RoleArn", identity.role_arn},
                    {"RoleSessionName", name_or(identity.role_session_name, session_name)},
                    {"WebIdentityToken", std::string(token)}});
}

Result<Credentials> parse_sts_answer(std::string body, int http_status) {
    XmlReader reader(body);
    const Element root = reader.root();
    if (!root) return bad_answer(http_status, reader.wrong());
    if (root.is("ErrorResponse")) return std::unexpected(read_error(root, http_status));
    if (http_status != 200) {
        return bad_answer(http_status,
                          fmt::format("HTTP {} with <{}>", http_status, clip(root.name(), 60)));
    }
    std::string result_name = "AssumeRoleResult";
    if (root.is("AssumeRoleWithWebIdentityResponse")) {
        result_name = "AssumeRoleWithWebIdentityResult";
    } else if (!root.is("AssumeRoleResponse")) {
        return bad_answer(http_status, "neither of the two calls' answers");
    }
    const Element result = child(reader, root, result_name);
    const Element found = result ? child(reader, result, "Credentials") : result;
    Credentials out;
    std::string expiration;
    for (Element e = found ? found.first() : found; e; e = e.next()) {
        [[maybe_unused]] const bool known = e.text("AccessKeyId", out.access_key_id) ||
                                            e.text("SecretAccessKey", out.secret_access_key) ||
                                            e.text("SessionToken", out.session_token) ||
                                            e.text("Expiration", expiration);
    }
    reader.require(!out.session_token.empty(), "no <SessionToken>");
    const auto at = base::parse_rfc3339(expiration);
    reader.require(at.has_value(), "<Expiration> is no time");
    if (!reader.wrong().empty()) return bad_answer(http_status, reader.wrong());
    out.expires_at = *at;
    if (const base::Status ok = check_credentials(out); !ok) {
        return bad_answer(http_status, ok.error().detail);
    }
    return out;
}

}  // namespace s3client
