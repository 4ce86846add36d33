// Jobs that name a role: all their requests are signed with its keys, which STS gives.
#include <gmock/gmock.h>

#include "../s3client/fake_http.h"
#include "archive/engine.h"
#include "archive/engine_credentials.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using s3client::FakeHttp;
using s3client::fixed_environment;
using test::kMiB;
using test::random_text;
using testing::HasSubstr;

constexpr const char* kRole = "arn:aws:iam::123456789012:role/zipper";

std::string sts_answer(const std::string& key) {
    return FakeHttp::answer(
        200,
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"
        "<Credentials><AccessKeyId>" +
            key +
            "</AccessKeyId><SecretAccessKey>rolesecret</SecretAccessKey><SessionToken>token"
            "</SessionToken><Expiration>2036-11-20T13:05:02Z</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>");
}

class EngineRoles : public test::EngineTest {
  protected:
    void SetUp() override {
        test::EngineTest::SetUp();
        server->set_credentials("role-1", "rolesecret", "token");
    }
    EngineConfig role_config() const {
        EngineConfig with = config();  // whose own keys s3sim does not take
        with.environment = fixed_environment({{"AWS_ENDPOINT_URL_STS", sts.url()}});
        return with;
    }
    static ArchiveRequest role_request(std::string key = "a.zip") {
        ArchiveRequest what = request(std::move(key));
        what.options.role_arn = kRole;
        what.options.external_id = "team 7";
        return what;
    }

    std::atomic<int> given{0};
    FakeHttp sts{[this](const std::string&) {
        const std::string key = "role-" + std::to_string(++given);
        server->set_credentials(key, "rolesecret", "token");
        return sts_answer(key);
    }};
};
ON_ENGINES(EngineRoles);

TEST_P(EngineRoles, SignAllOfAJob) {
    put("small", "v");
    put("large", random_text(1, 22 * kMiB));
    start_engine(role_config());
    const std::string bytes = expect_archive(role_request());  // HEAD, LIST, GET, parts, Complete
    ASSERT_EQ(sts.requests().size(), 1U);
    const std::string asked = sts.requests().front();
    EXPECT_THAT(asked, HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fzipper"));
    EXPECT_THAT(asked, HasSubstr("ExternalId=team%207"));
    EXPECT_THAT(asked, HasSubstr("RoleSessionName=s3zipd"));
    EXPECT_THAT(asked, HasSubstr("Credential=s3sim/"));

    EXPECT_TRUE(plan(role_request("b.zip")));
    EXPECT_TRUE(
        verify({.bucket = "out", .key = "a.zip", .role_arn = kRole, .external_id = "team 7"})
            ->ok());
    const auto url = presign({"out", "a.zip", 60, kRole, "team 7"});
    ASSERT_TRUE(url);
    EXPECT_THAT(*url, HasSubstr("role-1"));
    EXPECT_EQ(sts.requests().size(), 1U);  // for all of these

    ArchiveRequest failing = role_request("c.zip");
    failing.sources.front().objects.emplace().push_back({"missing", {}, {}});
    const JobSnapshot end = run(failing);
    ASSERT_TRUE(end.error);
    EXPECT_EQ(end.error->code, "NoSuchKey");
    expect_nothing_left("c.zip");
    EXPECT_FALSE(plan(request("b.zip")));  // our own keys are still our own
    EXPECT_EQ(server->stats().count("CreateMultipartUpload"), 1U);
}

TEST_P(EngineRoles, AbortWithTheKeysOfTheRole) {
    put("large", random_text(1, 22 * kMiB));
    start_engine(role_config());
    ASSERT_TRUE(server->set_faults("UploadPart times=100 status=403"));
    EXPECT_EQ(run(role_request()).state, JobState::failed);
    EXPECT_EQ(server->stats().count("CreateMultipartUpload"), 1U);
    expect_nothing_left();
}

TEST_P(EngineRoles, KeysThatExpireAreRenewed) {
    put("k", "v");
    start_engine(role_config());
    EXPECT_EQ(run(role_request()).state, JobState::succeeded);
    server->set_credentials("role-x", "rolesecret", "token");
    EXPECT_EQ(run(role_request("b.zip")).state, JobState::succeeded);
    EXPECT_EQ(sts.requests().size(), 2U);
    EXPECT_EQ(engine->stats().retries, 0U);
}

TEST_P(EngineRoles, ThatSayNoAreTheJobsError) {
    put("k", "v");
    FakeHttp strict([](const std::string&) {
        return FakeHttp::answer(403,
                                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
                                "<Message>User: arn:aws:iam::1:user/u is not authorized to perform:"
                                " sts:AssumeRole</Message></Error></ErrorResponse>");
    });
    EngineConfig with = role_config();
    with.environment = fixed_environment({{"AWS_ENDPOINT_URL_STS", strict.url()}});
    start_engine(with);
    const JobSnapshot end = run(role_request());
    ASSERT_EQ(end.state, JobState::failed);
    EXPECT_EQ(end.error->code, "AccessDenied");
    EXPECT_THAT(end.error->detail, HasSubstr(kRole));
    EXPECT_THAT(end.error->detail, HasSubstr("sts:AssumeRole"));
    EXPECT_TRUE(server->stats().operations.empty());
    const auto url = presign({"out", "a.zip", 60, kRole, "team 7"});
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().code, "AccessDenied");
}

TEST(EngineCredentials, SharesRolesAndBoundsThem) {
    EngineConfig config;
    config.access_key_id = "id";
    config.secret_access_key = "secret";
    config.endpoint_url = "http://127.0.0.1:1";
    config.environment = fixed_environment({});
    const auto settings = engine_settings(config);
    ASSERT_TRUE(settings);
    const auto made = EngineCredentials::start(config, *settings);
    ASSERT_TRUE(made);
    EngineCredentials& credentials = **made;
    std::vector<EngineCredentials::Lease> held;
    for (std::size_t i = 0; i < EngineCredentials::kRolesMax; ++i)
        held.push_back(credentials.of_role("role", std::to_string(i)).value());
    EXPECT_EQ(credentials.of_role("role", "7")->get(), held[7].get());
    EXPECT_NE(credentials.of_role("role", "8")->get(), held[7].get());
    const auto more = credentials.of_role("role", "more");
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, "too_many_roles");
    EXPECT_THAT(more.error().detail, HasSubstr("role"));
    held.pop_back();  // nobody's now, but for a while still there
    EXPECT_EQ(credentials.roles(), EngineCredentials::kRolesMax);
    EXPECT_TRUE(credentials.of_role("role", "more"));
    EXPECT_EQ(credentials.roles(), EngineCredentials::kRolesMax);
    EXPECT_EQ(credentials.of_role("role", "7")->get(), held[7].get());  // in use: not that one
}

}  // namespace
}  // namespace archive
