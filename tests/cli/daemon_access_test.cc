// Where the token comes from and where it may go; the daemon's address; what 401 and 403 advise.
#include "cli/daemon_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <set>

#include "cli/http_address.h"
#include "config/command_variables.h"
#include "fake_daemon.h"
#include "run_command.h"
#include "temp_files.h"

namespace {

using namespace cli;
using namespace cli_test;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kSecret = "5ecret-Token.~+/0123==";
const std::string kEmptyList = R"({"archives":[],"next_cursor":null})";

class DaemonAccessTest : public testing::Test {
  protected:
    Outcome ls(std::vector<std::string> more = {}) {
        more.insert(more.begin(), "ls");
        return run(daemon_.url(), more);
    }
    std::string sent() const { return daemon_.requests().back().header("Authorization"); }
    void expect_bad_usage(const Outcome& outcome, const std::string& why) {
        EXPECT_EQ(outcome.code, kBadUsage) << why;
        EXPECT_THAT(outcome.err, AllOf(HasSubstr(why), Not(HasSubstr("ecret"))));
        EXPECT_THAT(daemon_.requests(), IsEmpty());
    }

    const TempFiles files_;
    FakeDaemon daemon_{[](const Request&) { return answer(200, kEmptyList); }};
};

TEST_F(DaemonAccessTest, WithoutATokenThereIsNoHeader) {
    const ScopedVariable empty(config::kTokenVariable, "");
    EXPECT_EQ(ls().code, kDone);
    EXPECT_EQ(sent(), "");
}

TEST_F(DaemonAccessTest, AFlagWinsOverAVariableWinsOverItsFile) {
    const ScopedVariable file(config::kTokenFileVariable,
                              files_.write("variable", "third\nand more\n"));
    EXPECT_EQ(ls().code, kDone);
    EXPECT_EQ(sent(), "Bearer third");
    const ScopedVariable token(config::kTokenVariable, "second");
    EXPECT_EQ(ls().code, kDone);
    EXPECT_EQ(sent(), "Bearer second");
    const Outcome outcome = ls({"--token-file", files_.write("flag", kSecret + " \r\n")});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(sent(), "Bearer " + kSecret);
}

TEST_F(DaemonAccessTest, EveryRequestHasIt) {
    const ScopedVariable token(config::kTokenVariable, kSecret);
    const std::string job = R"({"id":"01JOB","state":"succeeded"})";
    FakeDaemon daemon([&](const Request& request) {
        return request.target.ends_with("/events") ? events("event: state\ndata: " + job + "\n\n")
                                                   : answer(200, job);
    });
    const Outcome outcome =
        run(daemon.url(), {"create", "s3://src/", "-o", "s3://out/x.zip", "--wait"});
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    run(daemon.url(), {"plan", "s3://src/", "-o", "s3://out/x.zip"});
    run(daemon.url(), {"show", "01JOB", "--json"});
    run(daemon.url(), {"cancel", "01JOB"});
    EXPECT_EQ(daemon.requests().size(), 6U);
    for (const Request& request : daemon.requests())
        EXPECT_EQ(request.header("Authorization"), "Bearer " + kSecret) << request.target;
}

TEST_F(DaemonAccessTest, AFileThatEverybodyReadsIsAWarning) {
    const std::string open = files_.write("open", kSecret, 0644);
    const Outcome outcome = ls({"--token-file", open});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(outcome.err, "s3zip: --token-file " + open +
                               ": everybody on this machine can read it; chmod o-r\n");
    EXPECT_EQ(sent(), "Bearer " + kSecret);
    EXPECT_EQ(ls({"--token-file", files_.write("group", kSecret, 0640)}).err, "");
}

TEST_F(DaemonAccessTest, TokensThatAreNoneAreBadUsageAndNotShown) {
    expect_bad_usage(ls({"--token-file", files_.path("none")}), "none: cannot be read");
    expect_bad_usage(ls({"--token-file", files_.write("empty", "\n" + kSecret)}),
                     "its first line has no token");
    expect_bad_usage(ls({"--token-file", files_.write("long", std::string(5000, 's'))}),
                     "4096 bytes at most");
    expect_bad_usage(ls({"--token-file", files_.write("bytes", "5ecret\x80")}), "not ASCII");
    expect_bad_usage(ls({"--token-file", files_.write("nul", std::string("5ecret\0ecret", 12))}),
                     "not ASCII");
    {
        const ScopedVariable file(config::kTokenFileVariable, files_.path("none"));
        expect_bad_usage(ls(), "S3ZIPD_TOKEN_FILE " + files_.path("none") + ": cannot be read");
    }
    const ScopedVariable token(config::kTokenVariable, "5ecret\r\nHost: ecret");
    expect_bad_usage(ls(), "S3ZIPD_TOKEN: a token has neither spaces");
}

TEST_F(DaemonAccessTest, ThereIsNoFlagForATokenAndNoPlaceInTheUrl) {
    expect_bad_usage(ls({"--token", kSecret}), "--token-file FILE");
    expect_bad_usage(ls({"--token=" + kSecret}), "--token-file FILE");
    expect_bad_usage(run("https://" + kSecret + "@host", {"ls"}), "does not go in there");
    expect_bad_usage(run("http://u:" + kSecret + "@ho st", {"ls"}), "does not go in there");
}

TEST_F(DaemonAccessTest, ATokenDoesNotCrossANetworkUnencrypted) {
    const ScopedVariable token(config::kTokenVariable, kSecret);
    const std::string elsewhere = "http://192.0.2.1:8420";
    expect_bad_usage(run(elsewhere, {"ls"}), "where others can read it; use https://");
    // Asked for; the port makes it fail before anything is sent.
    const std::string nobody = "http://host.invalid:1";
    EXPECT_EQ(run(nobody, {"ls"}).code, kBadUsage);
    EXPECT_EQ(run(nobody, {"ls", "--token-over-http"}).code, kUnreachable);
    {
        const ScopedVariable over(config::kTokenOverHttpVariable, "false");
        EXPECT_EQ(run(nobody, {"ls"}).code, kBadUsage);
    }
    const ScopedVariable over(config::kTokenOverHttpVariable, "true");
    const Outcome allowed = run(nobody, {"ls"});
    EXPECT_EQ(allowed.code, kUnreachable);
    EXPECT_THAT(allowed.err, Not(HasSubstr(kSecret)));
}

TEST_F(DaemonAccessTest, CommandsWithoutADaemonDoNotLookForIt) {
    const ScopedVariable file(config::kTokenFileVariable, files_.path("none"));
    EXPECT_TRUE(parse_arguments({"verify", "a.zip"}));
    EXPECT_TRUE(parse_arguments({"create", "--local", "s3://a/", "-o", "s3://b/c"}));
    EXPECT_FALSE(parse_arguments({"create", "s3://a/", "-o", "s3://b/c"}));
}

std::string problem(int status, const std::string& type, const std::string& detail) {
    return answer(status, R"({"type":"/problems/)" + type + R"(","detail":")" + detail + "\"}",
                  "application/problem+json");
}

TEST_F(DaemonAccessTest, RefusalsSayWhatToSet) {
    FakeDaemon unknown(
        [](const Request&) { return problem(401, "unauthorized", "a token is due"); });
    FakeDaemon scope([](const Request&) { return problem(403, "not-allowed", "no submit"); });
    FakeDaemon s3([](const Request&) { return problem(403, "access-denied", "S3 says no"); });
    FakeDaemon proxy([](const Request&) { return answer(401, "<html>", "text/html"); });
    const auto told = [](const FakeDaemon& daemon) {
        const Outcome outcome = run(daemon.url(), {"ls"});
        EXPECT_EQ(outcome.code, kFailed);
        EXPECT_THAT(outcome.err, Not(HasSubstr(kSecret)));
        return outcome.err;
    };
    const std::string advice = "set a token with S3ZIPD_TOKEN or --token-file FILE\n";
    EXPECT_EQ(told(unknown), "s3zip: a token is due (HTTP 401); " + advice);
    EXPECT_EQ(told(scope), "s3zip: no submit (HTTP 403); " + advice);
    EXPECT_EQ(told(s3), "s3zip: S3 says no (HTTP 403)\n");
    EXPECT_THAT(told(proxy), EndsWith("(HTTP 401); " + advice));

    const ScopedVariable token(config::kTokenVariable, kSecret);
    EXPECT_THAT(told(unknown), HasSubstr("; the token of S3ZIPD_TOKEN is not known there; "));
    EXPECT_THAT(told(scope), HasSubstr("; the token of S3ZIPD_TOKEN is not enough; "));
    const Outcome watched = run(unknown.url(), {"watch", "01JOB"});
    EXPECT_EQ(watched.code, kFailed);
    EXPECT_THAT(watched.err, HasSubstr("not known there"));

    DaemonAccess with_certificate;
    with_certificate.client_cert_file = "me.pem";
    EXPECT_THAT(access_hint(with_certificate, 401, ""),
                testing::StartsWith("the certificate me.pem is not known there; "));
}

// The daemon warns of variables that are not in the list.
TEST_F(DaemonAccessTest, TheListOfVariablesIsTheOneOfHelp) {
    const std::string help = parse_arguments({"--help"}).error().text;
    std::set<std::string> found;
    for (std::size_t at = 0; (at = help.find("S3ZIPD_", at)) != std::string::npos;) {
        const std::size_t end = help.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_3", at);
        found.insert(help.substr(at, end - at));
        at = end;
    }
    EXPECT_EQ(found, std::set<std::string>(config::kCommandVariables.begin(),
                                           config::kCommandVariables.end()));
}

TEST(DaemonAddress, Spellings) {
    const auto plain = parse_daemon_address("http://[::1]:8420/zip/");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->transport, Transport::http);
    EXPECT_EQ(plain->host, "::1");
    EXPECT_EQ(plain->host_header, "[::1]:8420");
    EXPECT_EQ(plain->prefix, "/zip");
    EXPECT_EQ(parse_daemon_address("http://127.0.0.1.example/")->host, "127.0.0.1.example");
    const auto tls = parse_daemon_address("https://zip.example");
    ASSERT_TRUE(tls);
    EXPECT_EQ(tls->transport, Transport::https);
    EXPECT_EQ(tls->host, "zip.example");
    EXPECT_EQ(tls->port, "443");
    EXPECT_EQ(parse_daemon_address("http://h")->port, "80");
    const auto local = parse_daemon_address("unix:/run/s3zipd/s3zipd.sock");
    ASSERT_TRUE(local);
    EXPECT_EQ(local->transport, Transport::unix_socket);
    EXPECT_EQ(local->socket_path, "/run/s3zipd/s3zipd.sock");
    EXPECT_FALSE(parse_daemon_address("unix:"));
    EXPECT_TRUE(parse_daemon_address("unix:/" + std::string(106, 'p')));
    EXPECT_FALSE(parse_daemon_address("unix:/" + std::string(107, 'p')));
}

TEST(DaemonAddress, WhereOthersCanRead) {
    for (const char* here : {"http://127.0.0.1:8420", "http://127.9.9.9", "http://[::1]:1",
                             "http://LocalHost", "https://192.0.2.1", "unix:/a"})
        EXPECT_FALSE(parse_daemon_address(here)->is_exposed()) << here;
    for (const char* there : {"http://192.0.2.1:8420", "http://[::2]", "http://localhost.example",
                              "http://127.0.0.1.example:8420", "http://0.0.0.0"})
        EXPECT_TRUE(parse_daemon_address(there)->is_exposed()) << there;
}

TEST(UnixSocket, IsADaemonLikeAnother) {
    const TempFiles files;
    const ScopedVariable token(config::kTokenVariable, kSecret);
    Carrier carrier;
    carrier.unix_path = files.path("s3zipd.sock");
    FakeDaemon daemon([](const Request&) { return answer(200, kEmptyList); }, carrier);
    const Outcome outcome = run(daemon.url(), {"ls"});
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    ASSERT_EQ(daemon.requests().size(), 1U);
    EXPECT_EQ(daemon.requests()[0].target, "/archives?limit=20");
    EXPECT_EQ(daemon.requests()[0].header("Host"), "localhost");
    EXPECT_EQ(daemon.requests()[0].header("Authorization"), "Bearer " + kSecret);

    const std::string nobody = "unix:" + files.path("none.sock");
    const Outcome absent = run(nobody, {"ls"});
    EXPECT_EQ(absent.code, kUnreachable);
    EXPECT_THAT(absent.err, HasSubstr("cannot reach the daemon at " + nobody));
}

}  // namespace
