// STS: the requests as they go out, the answers as they come. No error may say "hunter2".
#include "s3client/credentials/sts.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "s3client/sigv4.h"

namespace s3client {
namespace {

std::string answer(std::string_view call, std::string_view credentials) {
    std::string text =
        "<CALLResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
        "<CALLResult><AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser>"
        "CREDS<PackedPolicySize>6</PackedPolicySize></CALLResult>"
        "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
        "</CALLResponse>";
    for (auto at = text.find("CALL"); at != std::string::npos; at = text.find("CALL")) {
        text.replace(at, 4, call);
    }
    return text.replace(text.find("CREDS"), 5, credentials);
}
constexpr std::string_view kCredentials =
    "<Credentials><AccessKeyId>AK</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey>"
    "<SessionToken>T/+=</SessionToken><Expiration>2026-11-20T13:05:02Z</Expiration></Credentials>";

std::string url_of(std::map<std::string, std::string, std::less<>> variables,
                   std::string_view region, std::string_view setting) {
    const auto found = sts_endpoint(fixed_environment(std::move(variables)), region, setting);
    return found ? found->endpoint.url() + " " + found->region : found.error().code;
}

TEST(Sts, ChoosesItsEndpoint) {
    EXPECT_EQ(url_of({}, "eu-west-1", ""), "https://sts.eu-west-1.amazonaws.com eu-west-1");
    EXPECT_EQ(url_of({}, "cn-north-1", ""), "https://sts.cn-north-1.amazonaws.com.cn cn-north-1");
    EXPECT_EQ(url_of({}, "", ""), "https://sts.amazonaws.com us-east-1");
    EXPECT_EQ(url_of({}, "eu-west-1", "legacy"), "https://sts.amazonaws.com us-east-1");
    EXPECT_EQ(url_of({{"AWS_STS_REGIONAL_ENDPOINTS", "regional"}}, "eu-west-1", "legacy"),
              "https://sts.eu-west-1.amazonaws.com eu-west-1");
    EXPECT_EQ(
        url_of({{"AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"}, {"AWS_ENDPOINT_URL", "http://x"}},
               "eu-west-1", ""),
        "http://127.0.0.1:9 eu-west-1");
    EXPECT_EQ(url_of({{"AWS_ENDPOINT_URL", "http://x"}}, "", ""), "http://x us-east-1");
    EXPECT_EQ(
        url_of({{"AWS_ENDPOINT_URL", "http://x"}, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}},
               "", ""),
        "https://sts.amazonaws.com us-east-1");
    EXPECT_EQ(url_of({}, "bad region", ""), "bad_region");
}

TEST(Sts, AssumeRoleIsAFormAndIsSignedForSts) {
    const Endpoint endpoint = parse_endpoint("http://127.0.0.1:9000").value();
    RoleToAssume role{.role_arn = "arn:aws:iam::1:role/a b",
                      .external_id = "e&x",
                      .role_session_name = "",
                      .duration_s = 1800,
                      .profile = "p"};
    StsCall call = assume_role_call(endpoint, role, "made-up");
    EXPECT_EQ(call.request.method, "POST");
    EXPECT_EQ(call.request.host, "127.0.0.1:9000");
    EXPECT_EQ(call.request.path, "/");
    EXPECT_EQ(call.body,
              "Action=AssumeRole&DurationSeconds=1800&ExternalId=e%26x&"
              "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b&RoleSessionName=made-up&"
              "Version=2011-06-15");
    role.role_session_name = "mine";
    role.external_id.clear();
    role.duration_s.reset();
    EXPECT_EQ(assume_role_call(endpoint, role, "made-up").body,
              "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b&"
              "RoleSessionName=mine&Version=2011-06-15");

    Signer signer;
    const Credentials keys{"AK", "hunter2", "", std::nullopt};
    const auto now = base::parse_rfc3339("2026-11-20T13:05:02Z").value();
    const PayloadHash hash = PayloadHash::of(base::as_bytes(call.body));
    signer.sign(call.request, hash, keys, "eu-west-1", now, "sts");
    const std::string as_sts = *call.request.find_header("authorization");
    EXPECT_TRUE(as_sts.contains("Credential=AK/20261120/eu-west-1/sts/aws4_request,")) << as_sts;
    signer.sign(call.request, hash, keys, "eu-west-1", now);
    const std::string as_s3 = *call.request.find_header("authorization");
    EXPECT_TRUE(as_s3.contains("/eu-west-1/s3/aws4_request,"));
    // The derived key is remembered for each service apart.
    signer.sign(call.request, hash, keys, "eu-west-1", now, "sts");
    EXPECT_EQ(*call.request.find_header("authorization"), as_sts);
}

// The key is derived step by step here, as the documentation of Signature Version 4 has it.
TEST(Sts, TheSigningKeyIsDerivedForTheService) {
    Sha256 key = hmac_sha256(base::as_bytes("AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                             base::as_bytes("20150830"));
    for (const char* step : {"us-east-1", "sts", "aws4_request"}) {
        key = hmac_sha256(key, base::as_bytes(step));
    }
    HttpRequest request;
    request.method = "POST";
    request.host = "sts.amazonaws.com";
    const PayloadHash hash = PayloadHash::empty();
    const auto now = base::parse_rfc3339("2015-08-30T12:36:00Z").value();
    Signer().sign(request, hash, {"AK", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}},
                  "us-east-1", now, "sts");
    const std::string text =
        string_to_sign("20150830T123600Z", "20150830/us-east-1/sts/aws4_request",
                       canonical_request(request, hash.value()).text);
    const std::string expected = base::hex(hmac_sha256(key, base::as_bytes(text)));
    EXPECT_TRUE(request.find_header("authorization")->ends_with("Signature=" + expected));
}

TEST(Sts, WebIdentityCarriesItsToken) {
    const StsCall call = web_identity_call(parse_endpoint("https://sts.example").value(),
                                           {"/unused", "arn:r", "name"}, "a.b-c_d/=", "made-up");
    EXPECT_EQ(call.request.host, "sts.example");
    EXPECT_EQ(call.body,
              "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Ar&RoleSessionName=name&"
              "Version=2011-06-15&WebIdentityToken=a.b-c_d%2F%3D");
    EXPECT_EQ(call.request.find_header("authorization"), nullptr);
}

TEST(Sts, ReadsBothAnswers) {
    for (const char* call : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
        const auto got = parse_sts_answer(answer(call, kCredentials), 200);
        ASSERT_TRUE(got) << got.error().to_string();
        EXPECT_EQ(got->access_key_id, "AK");
        EXPECT_EQ(got->secret_access_key, "hunter2");
        EXPECT_EQ(got->session_token, "T/+=");
        EXPECT_EQ(got->expires_at, base::parse_rfc3339("2026-11-20T13:05:02Z").value());
    }
}

TEST(Sts, SaysItsErrors) {
    const auto error = [](std::string_view code, int status) {
        return parse_sts_answer("<ErrorResponse><Error><Type>Sender</Type><Code>" +
                                    std::string(code) +
                                    "</Code><Message>why not</Message></Error>"
                                    "<RequestId>id-1</RequestId></ErrorResponse>",
                                status)
            .error();
    };
    const base::Error denied = error("AccessDenied", 403);
    EXPECT_EQ(denied.kind, base::ErrorKind::denied);
    EXPECT_EQ(denied.code, "AccessDenied");
    EXPECT_EQ(denied.detail, "STS: why not");
    EXPECT_EQ(denied.http_status, 403);
    EXPECT_EQ(denied.request_id, "id-1");
    EXPECT_EQ(error("ExpiredTokenException", 400).kind, base::ErrorKind::denied);
    EXPECT_EQ(error("Throttling", 400).kind, base::ErrorKind::throttled);
    EXPECT_EQ(error("IDPCommunicationError", 400).kind, base::ErrorKind::transient);
    EXPECT_EQ(error("InternalFailure", 500).kind, base::ErrorKind::transient);
    EXPECT_EQ(error("ValidationError", 400).kind, base::ErrorKind::invalid);
}

TEST(Sts, RefusesOtherAnswersAndQuotesNoSecret) {
    const auto without = [](std::string_view from, std::string_view to) {
        std::string text = answer("AssumeRole", kCredentials);
        return text.replace(text.find(from), from.size(), to);
    };
    const std::string bad[] = {
        "",
        "hunter2",
        "<html>hunter2</html>",
        answer("AssumeRole", ""),
        answer("GetFederationToken", kCredentials),
        without("AccessKeyId", "Other"),
        without("<SecretAccessKey>hunter2</SecretAccessKey>", ""),
        without("<SessionToken>T/+=</SessionToken>", ""),
        without("2026-11-20T13:05:02Z", "hunter2"),
        without(">hunter2<", ">hunter2\n<"),
        without(">AK<", "><"),
    };
    for (const std::string& body : bad) {
        const auto got = parse_sts_answer(body, 200);
        ASSERT_FALSE(got) << body;
        EXPECT_EQ(got.error().code, "bad_sts_answer") << body;
        EXPECT_FALSE(got.error().to_string().contains("hunter2")) << got.error().to_string();
    }
    EXPECT_EQ(parse_sts_answer("<html>down</html>", 503).error().kind, base::ErrorKind::transient);
}

}  // namespace
}  // namespace s3client
