// Profiles, processes, STS and the chain, with files and servers of this test.
#include <gtest/gtest.h>
#include <signal.h>
#include <chrono>

#include "on_sources.h"
#include "s3client/credentials/credential_process.h"

namespace s3client {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;
using Words = std::vector<std::string>;
constexpr Attempts kQuick{3, std::chrono::seconds(10), base::Duration::zero()};
constexpr const char* kNowhere = "/nonexistent/s3zipd";

std::string sts_reply(const std::string& request) {
    const bool web = request.contains("Action=AssumeRoleWithWebIdentity&");
    const std::string call = web ? "AssumeRoleWithWebIdentity" : "AssumeRole";
    const auto at = request.find("RoleArn=") + 8;
    const std::string role = request.substr(at, request.find('&', at) - at);
    return FakeHttp::answer(
        200, "<" + call + "Response><" + call + "Result><Credentials><AccessKeyId>of-" + role +
                 "</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey><SessionToken>hunter2-t"
                 "</SessionToken><Expiration>2036-11-20T13:05:02Z</Expiration></Credentials></" +
                 call + "Result></" + call + "Response>");
}

class Sources : public OnSources {
  protected:
    // The profile of `config`, with `sts` as the endpoint of STS.
    static Environment profile(const TemporaryFile& config, const std::string& sts) {
        return fixed_environment({{"AWS_CONFIG_FILE", config.path()},
                                  {"AWS_SHARED_CREDENTIALS_FILE", kNowhere},
                                  {"AWS_PROFILE", "p"},
                                  {"AWS_REGION", "eu-west-1"},
                                  {"AWS_ENDPOINT_URL_STS", sts}});
    }
    base::Error profile_error(std::string_view config, ProfilePart part = ProfilePart::keys) {
        TemporaryFile file(config);
        return fetch_error(*profile_source(profile(file, "http://127.0.0.1:1"), part, kQuick));
    }
};
ON_BACKENDS(Sources);

TEST(SplitCommand, KnowsQuotesAndExpandsNothing) {
    const std::pair<const char*, Words> cases[] = {
        {"/bin/a b  c\t", {"/bin/a", "b", "c"}},
        {R"("/my bin/a" 'x "y' "p'q" '')", {"/my bin/a", "x \"y", "p'q", ""}},
        {R"(a\ b "c\"d\\e\f" 'g\h')", {"a b", R"(c"d\e\f)", R"(g\h)"}},
        {"a $HOME `b` $(c) | d > e ; f *",
         {"a", "$HOME", "`b`", "$(c)", "|", "d", ">", "e", ";", "f", "*"}},
        {"a\"b\"'c'", {"abc"}},
    };
    for (const auto& [command, words] : cases) {
        const auto split = split_command(command);
        ASSERT_TRUE(split) << command;
        EXPECT_EQ(*split, words) << command;
    }
    for (const char* bad : {"", "  ", "'a", "\"a", "\"a\\\"", "a\\", "'' b"}) {
        EXPECT_FALSE(split_command(bad)) << bad;
    }
    EXPECT_FALSE(split_command(std::string_view("a\0b", 3)));
}

std::string run_error(const char* script, ProcessLimits limits = {}) {
    const auto got = run_process({"sh", "-c", script}, limits);
    if (got) return "";
    EXPECT_FALSE(got.error().to_string().contains("hunter2")) << got.error().to_string();
    return got.error().code + ": " + got.error().detail;
}

TEST(RunProcess, GivesItsOutput) {
    EXPECT_EQ(run_process({"sh", "-c", "cat; printf hunter2; echo no >&2"}, {}).value(), "hunter2");
    EXPECT_EQ(run_process({"sh", "-c", "head -c 60000 /dev/zero"}, {}).value().size(), 60'000U);
    // What it leaves behind in the background holds nobody up.
    const std::string pid = run_process({"sh", "-c", "sleep 600 & echo $!"}, {}).value();
    EXPECT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
}

TEST(RunProcess, SaysHowItFailed) {
    EXPECT_EQ(run_error("echo hunter2; printf 'no\\nway' >&2; exit 3"),
              "process_failed: credential_process sh: exit status 3: no way");
    EXPECT_EQ(run_error("kill -9 $$"), "process_failed: credential_process sh: ended by signal 9");
    EXPECT_LT(run_error("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1").size(), 300U);
    EXPECT_TRUE(run_error("yes hunter2").contains("more than 65536 bytes"));
    EXPECT_TRUE(run_error("sleep 20", {.timeout = std::chrono::milliseconds(50)})
                    .starts_with("process_timeout: "));
    const auto none = run_process({kNowhere}, {});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, "process_failed");
    EXPECT_EQ(none.error().kind, base::ErrorKind::invalid);
}

// A daemon that ends does not wait for it.
TEST_P(Sources, AProcessEndsWithTheFetch) {
    TemporaryFile config("[profile p]\ncredential_process = sleep 600\n");
    const auto source = profile_source(profile(config, ""), ProfilePart::keys);
    io::CancelSource cancel;
    FetchContext cancelled = context();
    cancelled.bounds.cancel = &cancel;
    reactor.post([&] { cancel.cancel(); });
    const auto got = reactor.run_until_done(source->fetch(cancelled));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, base::ErrorKind::cancelled) << got.error().to_string();
    const auto again = reactor.run_until_done(source->fetch(cancelled));
    EXPECT_EQ(again.error().kind, base::ErrorKind::cancelled) << again.error().to_string();
}

TEST_P(Sources, AProcessOfAProfile) {
    TemporaryFile script(
        R"(printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"hunter2"}' "$1")");
    TemporaryFile config("[profile p]\ncredential_process = sh " + script.path() + " 'a-b'\n");
    const auto got = fetch(*profile_source(profile(config, ""), ProfilePart::keys));
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(got->access_key_id, "a-b");
    EXPECT_EQ(profile_error("[profile p]\ncredential_process = echo hunter2\n").code,
              "bad_credentials_document");
    EXPECT_EQ(profile_error("[profile p]\ncredential_process = 'sh\n").code, "bad_command");
}

TEST_P(Sources, AProfileSaysWhatItLacks) {
    const base::Error absent = profile_error("[profile q]\nregion = x\n");
    EXPECT_EQ(absent.code, "bad_profile");
    EXPECT_TRUE(absent.detail.contains("profile p of ")) << absent.detail;
    EXPECT_EQ(profile_error("[profile p]\nregion = x\n").code, kNoCredentials);
    EXPECT_TRUE(profile_error("[profile p]\nsso_session = x\n").detail.contains("sso"));
    EXPECT_EQ(profile_error("[profile p\naws_secret_access_key = hunter2").code,
              "bad_profile_file");
    const std::string keys = "[profile p]\naws_access_key_id=A\naws_secret_access_key=hunter2\n";
    EXPECT_EQ(profile_error(keys, ProfilePart::roles).code, kNoCredentials);
    TemporaryFile config(keys);
    EXPECT_TRUE(fetch(*profile_source(profile(config, ""), ProfilePart::keys)));
    // Where the profile sends us there must be some: no other source is asked instead.
    EXPECT_EQ(profile_error("[profile p]\nrole_arn=r\ncredential_source=Environment\n",
                            ProfilePart::roles)
                  .code,
              "bad_profile");
}

TEST_P(Sources, RolesAreAssumedOneWithTheOthersKeys) {
    FakeHttp server(sts_reply);
    TemporaryFile config(
        "[profile p]\nrole_arn = outer\nsource_profile = q\nrole_session_name = me\n"
        "[profile q]\nrole_arn = inner\nsource_profile = r\n"
        "[profile r]\naws_access_key_id = AK\naws_secret_access_key = hunter2\n");
    const auto source = profile_source(profile(config, server.url()), ProfilePart::roles, kQuick);
    const auto got = fetch(*source);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(got->access_key_id, "of-outer");
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_TRUE(requests[0].contains("Credential=AK/")) << requests[0];
    EXPECT_TRUE(requests[0].contains("/eu-west-1/sts/aws4_request,"));
    EXPECT_TRUE(requests[0].contains("&RoleSessionName=s3zipd-"));
    EXPECT_FALSE(requests[0].contains("x-amz-security-token"));
    EXPECT_TRUE(requests[1].contains("Credential=of-inner/"));
    EXPECT_TRUE(requests[1].contains("\r\nx-amz-security-token: hunter2-t\r\n"));
    EXPECT_TRUE(requests[1].contains("&RoleSessionName=me&"));
}

TEST_P(Sources, WebIdentityIsNotSignedAndItsTokenReadAnew) {
    FakeHttp server(sts_reply);
    TemporaryFile token("hunter2-one");
    const Variables variables{{"AWS_WEB_IDENTITY_TOKEN_FILE", token.path()},
                              {"AWS_ROLE_ARN", "web"},
                              {"AWS_ENDPOINT_URL_STS", server.url()}};
    const auto source = web_identity_source(fixed_environment(variables), kQuick);
    const auto got = fetch(*source);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(got->access_key_id, "of-web");
    token.write("hunter2-two");
    ASSERT_TRUE(fetch(*source));
    EXPECT_TRUE(server.requests().at(0).ends_with("&WebIdentityToken=hunter2-one"));
    EXPECT_TRUE(server.requests().at(1).ends_with("&WebIdentityToken=hunter2-two"));
    EXPECT_FALSE(server.requests().at(0).contains("authorization"));

    EXPECT_EQ(fetch_error(*web_identity_source(fixed_environment({}), kQuick)).code,
              kNoCredentials);
    auto half = variables;
    half.erase("AWS_ROLE_ARN");
    EXPECT_EQ(fetch_error(*web_identity_source(fixed_environment(half), kQuick)).code,
              "bad_web_identity");
    auto lost = variables;
    lost["AWS_WEB_IDENTITY_TOKEN_FILE"] = kNowhere;
    EXPECT_EQ(fetch_error(*web_identity_source(fixed_environment(lost), kQuick)).code,
              "unreadable_file");
}

TEST_P(Sources, StsIsAskedAgainOnlyIfThatMayHelp) {
    const auto error = [](int status, const std::string& code) {
        return FakeHttp::answer(status, "<ErrorResponse><Error><Code>" + code +
                                            "</Code><Message>no</Message></Error></ErrorResponse>");
    };
    const auto ask = [this](const FakeHttp& server) {
        return fetch_error(*assume_role_source(
            fixed_source({"AK", "hunter2", "", {}}), {"arn:r", "", "", {}, ""},
            {fixed_environment({{"AWS_ENDPOINT_URL_STS", server.url()}}), "", "", kQuick}));
    };
    FakeHttp denying([&](const std::string&) { return error(403, "AccessDenied"); });
    const base::Error denied = ask(denying);
    EXPECT_EQ(denied.code, "AccessDenied");
    EXPECT_EQ(denied.detail, "arn:r: STS: no");
    EXPECT_EQ(denying.requests().size(), 1U);
    FakeHttp busy([&](const std::string&) { return error(400, "Throttling"); });
    EXPECT_EQ(ask(busy).kind, base::ErrorKind::throttled);
    EXPECT_EQ(busy.requests().size(), kQuick.count);
    FakeHttp gone([](const std::string&) { return std::string(); });
    EXPECT_EQ(ask(gone).kind, base::ErrorKind::transient);
    EXPECT_EQ(gone.requests().size(), kQuick.count);
}

// Keys that somebody else keeps fresh: the old ones until they are refused, then the new ones.
struct TwoKeys final : CredentialsProvider {
    static CredentialsSnapshot keys(const char* id) {
        return std::make_shared<const Credentials>(Credentials{id, "hunter2", "", {}});
    }
    base::Result<CredentialsSnapshot> get() override { return current; }
    io::Task<base::Result<CredentialsSnapshot>> renew(io::Reactor&, CredentialsSnapshot refused,
                                                      io::Bounds) override {
        ++renewals;
        if (refused == current) current = keys("new");
        co_return current;
    }
    CredentialsSnapshot current = keys("old");
    int renewals = 0;
};

TEST_P(Sources, ARoleIsAskedForWithTheKeysOfTheDay) {
    FakeHttp sts([](const std::string& request) {
        if (request.contains("Credential=new/")) return sts_reply(request);
        return FakeHttp::answer(403,
                                "<ErrorResponse><Error><Code>ExpiredTokenException</Code>"
                                "<Message>old</Message></Error></ErrorResponse>");
    });
    const auto base = std::make_shared<TwoKeys>();
    const auto source = assume_role_source(
        base, {"r", "", "me", {}, ""},
        {fixed_environment({{"AWS_ENDPOINT_URL_STS", sts.url()}}), "eu-west-1", "", kQuick});
    EXPECT_EQ(source->name(), "r");
    EXPECT_EQ(fetch(*source)->access_key_id, "of-r");
    EXPECT_EQ(fetch(*source)->access_key_id, "of-r");
    EXPECT_EQ(base->renewals, 1);
    ASSERT_EQ(sts.requests().size(), 3U);
    EXPECT_TRUE(sts.requests().back().contains("/eu-west-1/sts/aws4_request"));
    FakeHttp never([](const std::string&) {
        return FakeHttp::answer(403,
                                "<ErrorResponse><Error><Code>ExpiredToken</Code>"
                                "<Message>old</Message></Error></ErrorResponse>");
    });
    const base::Error error = fetch_error(*assume_role_source(
        base, {"arn:r", "", "me", {}, ""},
        {fixed_environment({{"AWS_ENDPOINT_URL_STS", never.url()}}), "", "", kQuick}));
    EXPECT_EQ(error.code, "ExpiredToken");
    EXPECT_TRUE(error.detail.starts_with("arn:r: STS: ")) << error.detail;
    EXPECT_EQ(never.requests().size(), 2U);
}

// Says what it is told, and counts.
struct Scripted final : CredentialSource {
    Scripted(std::string who, std::string error, int& calls)
        : who_(std::move(who)), error_(std::move(error)), calls_(calls) {}
    std::string name() const override { return who_; }
    io::Task<base::Result<Credentials>> fetch(FetchContext) override {
        ++calls_;
        if (error_.empty()) co_return Credentials{who_, "hunter2", "", {}};
        co_return base::fail(base::ErrorKind::denied, error_, who_ + " lacks it");
    }
    std::string who_, error_;
    int& calls_;
};

TEST_P(Sources, AChainStopsAtTheFirstThatIsSetUpAndStaysWithIt) {
    int calls[3] = {};
    const auto chain_of = [&calls](const Words& errors) {
        std::vector<std::unique_ptr<CredentialSource>> sources;
        for (std::size_t i = 0; i < errors.size(); ++i) {
            calls[i] = 0;
            sources.push_back(
                std::make_unique<Scripted>(std::string(1, char('a' + i)), errors[i], calls[i]));
        }
        return chain_source(std::move(sources));
    };
    const std::string none(kNoCredentials);
    const auto second = chain_of({none, "", ""});
    EXPECT_EQ(fetch(*second)->access_key_id, "b");
    EXPECT_EQ(fetch(*second)->access_key_id, "b");
    EXPECT_EQ(second->name(), "b");
    EXPECT_EQ((Words{std::to_string(calls[0]), std::to_string(calls[1]), std::to_string(calls[2])}),
              (Words{"1", "2", "0"}));
    EXPECT_EQ(fetch_error(*chain_of({none, "broken", ""})).code, "broken");
    EXPECT_EQ(calls[2], 0);
    const base::Error nothing = fetch_error(*chain_of({none, none}));
    EXPECT_EQ(nothing.code, kNoCredentials);
    EXPECT_EQ(nothing.detail, "no credentials (a: a lacks it; b: b lacks it)");
}

TEST_P(Sources, TheDefaultOrder) {
    FakeHttp sts(sts_reply);
    FakeHttp container(
        [](const std::string&) { return FakeHttp::answer(200, credentials_json("C")); });
    TemporaryFile token("t");
    TemporaryFile config("");
    const std::string source = "aws_access_key_id = K\naws_secret_access_key = hunter2\n";
    const std::string role = "role_arn = role\nsource_profile = default\n";
    Variables variables{{"AWS_CONFIG_FILE", config.path()},
                        {"AWS_SHARED_CREDENTIALS_FILE", kNowhere},
                        {"AWS_ENDPOINT_URL", sts.url()},
                        {"AWS_EC2_METADATA_DISABLED", "true"}};
    const auto who = [&] {
        const auto got = fetch(*default_source(fixed_environment(variables)));
        return got ? got->access_key_id : got.error().detail;
    };
    const std::string nobody = who();
    for (const char* part : {"AWS_ACCESS_KEY_ID", "profile default", "AWS_WEB_IDENTITY_TOKEN_FILE",
                             "AWS_CONTAINER_CREDENTIALS", "AWS_EC2_METADATA_DISABLED"}) {
        EXPECT_TRUE(nobody.contains(part)) << nobody;
    }
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
    EXPECT_EQ(who(), "C");
    config.write("[default]\n" + source);
    EXPECT_EQ(who(), "K");
    variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = token.path();
    variables["AWS_ROLE_ARN"] = "web";
    EXPECT_EQ(who(), "of-web");
    config.write("[default]\n" + source + role);
    EXPECT_EQ(who(), "of-role");
    variables["AWS_ACCESS_KEY_ID"] = "E";
    variables["AWS_SECRET_ACCESS_KEY"] = "hunter2";
    EXPECT_EQ(who(), "E");
}

TEST_P(Sources, AConfiguredProfileComesBeforeTheVariables) {
    TemporaryFile config("[profile p]\naws_access_key_id = P\naws_secret_access_key = hunter2\n");
    Variables variables{{"AWS_CONFIG_FILE", config.path()},
                        {"AWS_SHARED_CREDENTIALS_FILE", kNowhere},
                        {"AWS_PROFILE", "p"},
                        {"AWS_ACCESS_KEY_ID", "E"},
                        {"AWS_SECRET_ACCESS_KEY", "hunter2"}};
    const auto who = [&](ChainOf chain) {
        return fetch(*default_source(fixed_environment(variables), chain))->access_key_id;
    };
    EXPECT_EQ(who(ChainOf::all), "E");
    EXPECT_EQ(who(ChainOf::profile_first), "P");
}

}  // namespace
}  // namespace s3client
