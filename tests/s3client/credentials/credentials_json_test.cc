// Credentials as JSON, good and hostile. The secrets are "hunter2": no error may say it.
#include "s3client/credentials/credentials_json.h"

#include <gtest/gtest.h>
#include <string>

namespace s3client {
namespace {

constexpr std::string_view kTemporary =
    R"({"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"AK","SecretAccessKey":"hunter2",)"
    R"("Token":"T","Expiration":"2026-11-20T13:05:02Z","RoleArn":"arn:x","Extra":{"a":[1]}})";

TEST(CredentialsJson, OfAProcess) {
    const auto forever = parse_process_credentials(
        R"( {"Version": 1, "AccessKeyId": "AK", "SecretAccessKey": "hunter2"}
)");
    ASSERT_TRUE(forever) << forever.error().to_string();
    EXPECT_EQ(forever->access_key_id, "AK");
    EXPECT_EQ(forever->secret_access_key, "hunter2");
    EXPECT_EQ(forever->session_token, "");
    EXPECT_FALSE(forever->expires_at);
    const auto at = base::parse_rfc3339("2026-11-20T13:05:02Z").value();
    for (const char* time : {"2026-11-20T13:05:02Z", "2026-11-20T13:05:02+00:00",
                             "2026-11-20T14:35:02+01:30", "2026-11-20T08:05:02.000-05:00"}) {
        const auto temporary = parse_process_credentials(
            R"({"Version":1,"AccessKeyId":"AK","SecretAccessKey":"hunter2",)"
            R"("SessionToken":"T","Expiration":")" +
            std::string(time) + "\"}");
        ASSERT_TRUE(temporary) << time;
        EXPECT_EQ(temporary->session_token, "T");
        EXPECT_EQ(temporary->expires_at, at) << time;
    }
}

TEST(CredentialsJson, OfContainersAndInstances) {
    for (const auto parse : {parse_container_credentials, parse_instance_credentials}) {
        const auto parsed = parse(kTemporary);
        ASSERT_TRUE(parsed) << parsed.error().to_string();
        EXPECT_EQ(parsed->access_key_id, "AK");
        EXPECT_EQ(parsed->secret_access_key, "hunter2");
        EXPECT_EQ(parsed->session_token, "T");
        EXPECT_EQ(parsed->expires_at, base::parse_rfc3339("2026-11-20T13:05:02Z").value());
    }
}

TEST(CredentialsJson, SaysTheServicesOwnError) {
    const auto container = parse_container_credentials(
        R"({"code":"AccessDeniedException","message":"not you","SecretAccessKey":"hunter2"})");
    ASSERT_FALSE(container);
    EXPECT_EQ(container.error().code, "credentials_refused");
    EXPECT_EQ(container.error().kind, base::ErrorKind::denied);
    EXPECT_EQ(container.error().detail, "the answer is an error: AccessDeniedException: not you");
    const auto instance =
        parse_instance_credentials(R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"no"})");
    ASSERT_FALSE(instance);
    EXPECT_TRUE(instance.error().detail.contains("AssumeRoleUnauthorizedAccess"));
    const auto longer =
        parse_instance_credentials(R"({"Code":"E","Message":")" + std::string(5000, 'x') + "\"}");
    EXPECT_LT(longer.error().detail.size(), 300U);
}

TEST(CredentialsJson, RefusesWhatIsWrongAndNamesTheField) {
    struct Case {
        const char* text;
        const char* what;
    };
    const Case cases[] = {
        {"", "no JSON"},
        {"hunter2", "no JSON"},
        {"[\"hunter2\"]", "no JSON"},
        {R"({"AccessKeyId":"AK")", "no JSON"},
        {R"({"AccessKeyId":"AK","SecretAccessKey":"hunter2","Token":"T"})", "Expiration"},
        {R"({"AccessKeyId":"AK","SecretAccessKey":"hunter2","Expiration":"2026-11-20T13:05:02Z"})",
         "Token is missing"},
        {R"({"SecretAccessKey":"hunter2","Token":"T","Expiration":"2026-11-20T13:05:02Z"})",
         "AccessKeyId is missing"},
        {R"({"AccessKeyId":null,"SecretAccessKey":"hunter2","Token":"T"})", "AccessKeyId"},
        {R"({"AccessKeyId":7,"SecretAccessKey":"hunter2","Token":"T"})", "is no text"},
        {R"({"AccessKeyId":"AK","SecretAccessKey":"","Token":"T"})", "SecretAccessKey is empty"},
        {R"({"AccessKeyId":"AK","SecretAccessKey":"hunter2\n","Token":"T",)"
         R"("Expiration":"2026-11-20T13:05:02Z"})",
         "the secret access key holds"},
        {R"({"AccessKeyId":"AK","SecretAccessKey":"hunter2","Token":"T","Expiration":"hunter2"})",
         "Expiration is no time"},
        {R"({"AccessKeyId":"AK","SecretAccessKey":"hunter2","Token":"T",)"
         R"("Expiration":"2026-11-20T13:05:02+1:000"})",
         "Expiration is no time"},
        {R"({"AccessKeyId":"AK","SecretAccessKey":"hunter2","Token":"T",)"
         R"("Expiration":"2026-11-20T13:05:02+24:00"})",
         "Expiration is no time"},
    };
    for (const Case& c : cases) {
        for (const auto parse : {parse_container_credentials, parse_instance_credentials}) {
            const auto parsed = parse(c.text);
            ASSERT_FALSE(parsed) << c.text;
            EXPECT_EQ(parsed.error().code, "bad_credentials_document") << c.text;
            EXPECT_TRUE(parsed.error().detail.contains(c.what)) << parsed.error().detail;
            EXPECT_FALSE(parsed.error().to_string().contains("hunter2")) << c.text;
        }
    }
}

TEST(CredentialsJson, AProcessMustSayVersionOne) {
    for (const char* version : {"", R"("Version":2,)", R"("Version":"1",)", R"("Version":1.0,)"}) {
        const auto parsed = parse_process_credentials(
            "{" + std::string(version) + R"("AccessKeyId":"AK","SecretAccessKey":"hunter2"})");
        ASSERT_FALSE(parsed) << version;
        EXPECT_EQ(parsed.error().detail, "Version is not 1");
    }
}

TEST(CredentialsJson, HasLimits) {
    EXPECT_FALSE(parse_process_credentials(std::string(kCredentialsDocumentMax_bytes + 1, ' ')));
    const std::string deep = std::string(1000, '[') + std::string(1000, ']');
    EXPECT_FALSE(parse_process_credentials(R"({"Version":1,"a":)" + deep + "}"));
    // Cut anywhere, it is an error and no crash.
    for (std::size_t n = 0; n < kTemporary.size(); ++n) {
        EXPECT_FALSE(parse_instance_credentials(kTemporary.substr(0, n)));
    }
}

}  // namespace
}  // namespace s3client
