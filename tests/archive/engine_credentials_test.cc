// Keys that are looked for, waited for, and expire while a job runs: the user sees none of it.
#include "archive/engine_credentials.h"

#include <gmock/gmock.h>
#include <cstdio>
#include <latch>

#include "archive/engine.h"
#include "engine_fixture.h"
#include "key_server.h"

namespace archive {
namespace {

// What a container is given; s3sim takes it once told of the token.
constexpr const char* kKeys =
    R"({"AccessKeyId":"s3sim","SecretAccessKey":"s3simsecret","Token":"t",)"
    R"("Expiration":"2036-11-20T13:05:02Z"})";

using s3client::FakeHttp;
using s3client::fixed_environment;
using test::KeyServer;
using testing::HasSubstr;

class EngineKeys : public test::EngineTest {
  protected:
    // Some 12 MiB that take some 7 s.
    void start_slow_server() {
        s3sim::Options options;
        options.synthetic = {{"many", "count=200,size=65536"}};
        options.bandwidth_host = 4 << 20;
        start_server(std::move(options));
    }
    static ArchiveRequest slow_request() {
        ArchiveRequest what = request();
        what.sources.front().bucket = "many";
        return what;
    }
    EngineConfig config_of(s3client::Environment environment) const {
        EngineConfig with = config(2, 40);
        with.access_key_id.clear();
        with.secret_access_key.clear();
        with.environment = std::move(environment);
        return with;
    }
    std::uint64_t answers(std::string_view status) const {
        std::uint64_t count = 0;
        for (const auto& [answer, n] : server->stats().answers)
            count += answer.ends_with(status) ? n : 0;
        return count;
    }
    void expect_whole(const JobSnapshot& end) const {
        ASSERT_EQ(end.state, JobState::succeeded) << (end.error ? end.error->to_string() : "");
        const auto head = server->head("out", "a.zip");
        ASSERT_TRUE(head);
        EXPECT_EQ(end.result->entries, 200U);
        EXPECT_EQ(end.result->size, head->size);
        EXPECT_EQ(end.result->crc32, head->crc32);
        EXPECT_EQ(engine->stats().retries, 0U);
    }
};
ON_ENGINES(EngineKeys);

TEST_P(EngineKeys, ThatExpireDuringAJobAreRefreshedAheadOfIt) {
    start_slow_server();
    KeyServer keys(*server, std::chrono::seconds(2));
    start_engine(config_of(keys.environment()));
    expect_whole(run(slow_request()));
    EXPECT_GE(keys.given(), 3);
    // Some may be on their way at the very end of 2 s; engine_long_test.cc allows none of 20 s.
    EXPECT_LE(answers(" 400"), 8U);
    engine.reset();
}

// An engine that had nothing to do for longer than its keys last.
TEST_P(EngineKeys, ThatExpireWhileNobodyAsksAreRenewedBeforeTheNextCall) {
    put("k", "v");
    KeyServer keys(*server, std::chrono::seconds(1));
    start_engine(config_of(keys.environment()));
    EXPECT_EQ(run(request()).state, JobState::succeeded);
    const int given = keys.given();
    wait_until([&] { return keys.valid() == 0; });
    EXPECT_EQ(run(request("b.zip")).state, JobState::succeeded);
    EXPECT_GT(keys.given(), given);
    wait_until([&] { return keys.valid() == 0; });
    const std::string url = presign({"out", "b.zip", 60}).value();
    EXPECT_THAT(url, HasSubstr("key-" + std::to_string(keys.given())));
    EXPECT_EQ(keys.valid(), 1U);
    EXPECT_EQ(answers(" 400"), 0U);
    engine.reset();
}

TEST_P(EngineKeys, ThatAreRotatedWithoutAWordAreRenewed) {
    start_slow_server();
    KeyServer keys(*server, std::chrono::hours(1));
    start_engine(config_of(keys.environment()));
    auto running = start(slow_request());
    for (int rotations = 1; rotations <= 5; ++rotations) {
        const auto seen = server->stats().answers["GetObject 206"];
        wait_until([&] {
            return server->stats().answers["GetObject 206"] >= seen + 25 ||
                   has_ended(running.job->state());
        });
        keys.rotate();
    }
    expect_whole(running.wait());
    EXPECT_GE(keys.given(), 4);
    EXPECT_GE(answers(" 400"), 4U);
    engine.reset();
}

TEST_P(EngineKeys, AreWaitedForByTheFirstCalls) {
    put("k", "v");
    server->set_credentials("s3sim", "s3simsecret", "t");
    std::latch asked(1), may_answer(1);
    FakeHttp slow([&](const std::string&) {
        asked.count_down();
        may_answer.wait();
        return FakeHttp::answer(200, kKeys);
    });
    start_engine(config_of(
        fixed_environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", slow.url() + "/keys"}})));
    asked.wait();  // at the start, without a job
    auto running = start(request());
    wait_until([&] { return running.job->state() == JobState::planning; });
    EXPECT_TRUE(server->stats().operations.empty());
    may_answer.count_down();
    EXPECT_EQ(running.wait().state, JobState::succeeded);
    EXPECT_EQ(slow.requests().size(), 1U);
    engine.reset();
}

TEST_P(EngineKeys, AJobThatWaitsForThemCanBeCancelled) {
    put("k", "v");
    std::latch may_answer(1);
    FakeHttp hanging([&](const std::string&) {
        may_answer.wait();
        return std::string();
    });
    start_engine(config_of(
        fixed_environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", hanging.url() + "/keys"}})));
    const auto began = std::chrono::steady_clock::now();
    auto running = start(request());
    wait_until([&] { return running.job->state() == JobState::planning; });
    running.job->cancel();
    EXPECT_EQ(running.wait().state, JobState::cancelled);
    engine.reset();  // does not wait for the answer either
    // A container is asked for 2 s, three times.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
    may_answer.count_down();
}

TEST_P(EngineKeys, ThatAreNowhereAreAnErrorOfTheJobThatSaysWhereTheyWereLookedFor) {
    put("k", "v");
    start_engine(config_of(
        fixed_environment({{"AWS_EC2_METADATA_DISABLED", "true"}, {"HOME", "/nonexistent/home"}})));
    const JobSnapshot end = run(request());
    ASSERT_EQ(end.state, JobState::failed);
    EXPECT_EQ(end.error->code, "no_credentials");
    for (const char* where :
         {"AWS_ACCESS_KEY_ID", "profile default of /nonexistent/home/.aws/config",
          "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS", "AWS_EC2_METADATA_DISABLED"})
        EXPECT_THAT(end.error->detail, HasSubstr(where));
    EXPECT_TRUE(server->stats().operations.empty());
}

TEST_P(EngineKeys, AreFoundByALaterJobIfTheyComeLater) {
    put("k", "v");
    server->set_credentials("s3sim", "s3simsecret", "t");
    std::atomic<bool> up{false};
    FakeHttp keys([&](const std::string&) {
        return up ? FakeHttp::answer(200, kKeys) : FakeHttp::answer(403, "not yet");
    });
    start_engine(config_of(
        fixed_environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", keys.url() + "/keys"}})));
    const JobSnapshot early = run(request());
    ASSERT_EQ(early.state, JobState::failed);
    EXPECT_EQ(early.error->code, "credentials_refused");
    EXPECT_THAT(early.error->detail, HasSubstr(keys.url()));
    up = true;
    wait_until([&] { return run(request("b.zip")).state == JobState::succeeded; });
    engine.reset();
}

// A text file in a folder of its own.
class File {
  public:
    explicit File(std::string_view text) : path_(testing::TempDir() + "s3zipd-keys-XXXXXX") {
        const int fd = ::mkstemp(path_.data());
        EXPECT_GE(fd, 0);
        EXPECT_EQ(::write(fd, text.data(), text.size()), std::ssize(text));
        ::close(fd);
    }
    ~File() { ::unlink(path_.c_str()); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

TEST_P(EngineKeys, OfTheConfiguredProfileWinOverTheVariables) {
    put("k", "v");
    const File file(
        "[p]\naws_access_key_id = s3sim\naws_secret_access_key = s3simsecret\n"
        "[q]\nregion = eu-west-1\n");
    const auto environment = [&](const char* profile) {
        return fixed_environment({{"AWS_SHARED_CREDENTIALS_FILE", file.path()},
                                  {"AWS_ACCESS_KEY_ID", "other"},
                                  {"AWS_SECRET_ACCESS_KEY", "othersecret"},
                                  {"AWS_PROFILE", profile}});
    };
    EngineConfig with = config_of(environment("p"));
    start_engine(with);
    EXPECT_EQ(run(request()).error->code, "InvalidAccessKeyId");  // the variables win
    with.profile = "p";
    start_engine(with);
    EXPECT_EQ(run(request()).state, JobState::succeeded);
    with.profile = "nobody's";
    const auto missing = Engine::create(with);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, "bad_profile");
    EXPECT_THAT(missing.error().detail, HasSubstr("profile nobody's of "));
    with.profile.clear();
    with.environment = environment("q");
    start_engine(with);
    EXPECT_THAT(presign({"out", "a.zip", 60}).value(), HasSubstr("%2Feu-west-1%2Fs3%2F"));
    with.region = "us-west-2";
    start_engine(with);
    EXPECT_THAT(presign({"out", "a.zip", 60}).value(), HasSubstr("%2Fus-west-2%2Fs3%2F"));
}

// A provider of keys that must not be asked.
TEST_P(EngineKeys, NoneAreLookedForWhereRequestsAreNotSigned) {
    s3sim::Options options;
    options.access_key = "";
    options.record_requests = true;
    start_server(std::move(options));
    put("k", "v");
    KeyServer keys(*server, std::chrono::seconds(60));
    EngineConfig with = config_of(keys.environment());
    with.no_sign_request = true;
    start_engine(with);
    const JobSnapshot end = run(request());
    ASSERT_EQ(end.state, JobState::succeeded) << (end.error ? end.error->to_string() : "");
    EXPECT_EQ(keys.given(), 0);
    const auto seen = server->requests();
    EXPECT_GE(seen.size(), 3U);
    for (const s3sim::RecordedRequest& one : seen) {
        EXPECT_FALSE(one.headers.contains("authorization")) << one.operation;
        EXPECT_FALSE(one.headers.contains("x-amz-content-sha256")) << one.operation;
    }
    ArchiveRequest of_role = request();
    of_role.options.role_arn = "arn:aws:iam::123456789012:role/r";
    const JobSnapshot refused = run(of_role);
    ASSERT_TRUE(refused.error);
    EXPECT_EQ(refused.error->code, "bad_role_arn");
    EXPECT_THAT(refused.error->detail, HasSubstr("no_sign_request"));
}

// Keys that are given are not used either, and the store's refusal is the job's.
TEST_P(EngineKeys, APrivateBucketRefusesRequestsThatAreNotSigned) {
    put("k", "v");
    EngineConfig with = config(1, 40);
    with.no_sign_request = true;
    start_engine(with);
    const JobSnapshot end = run(request());
    EXPECT_EQ(end.state, JobState::failed);
    ASSERT_TRUE(end.error);
    EXPECT_EQ(end.error->code, "AccessDenied");
}

}  // namespace
}  // namespace archive
