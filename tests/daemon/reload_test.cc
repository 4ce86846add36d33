// SIGHUP: what changes while the daemon runs, and what is wrong and changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <fstream>
#include <string>

#include "daemon_process.h"
#include "temp_folder.h"
#include "test_client.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

// printf %s one | sha256sum, and so on.
const std::string kOne = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
const std::string kTwo = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";

class ReloadTest : public testing::Test {
  protected:
    ReloadTest() {
        write("tokens.toml", tokens(kOne));
        write("s3zipd.toml", settings());
    }
    void write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
    }
    static std::string tokens(const std::string& sha256) {
        return "[[token]]\nname = \"t\"\nscopes = [\"admin\"]\nsha256 = \"" + sha256 + "\"\n";
    }
    std::string settings(const std::string& more = {}) const {
        return "listen = \"127.0.0.1:0\"\nstate_dir = \"" + (folder_ / "state") +
               "\"\nmemory = \"32MiB\"\nreactors = 1\nio = \"epoll\"\n" +
               (more.empty() ? "tokens_file = \"" + (folder_ / "tokens.toml") + "\"\n" : more);
    }
    // The daemon reads its settings again, and says what it thinks of them.
    std::string reload(DaemonProcess& process) {
        process.send(SIGHUP);
        return process.read_until("reloaded") + process.read_until("\n");
    }
    static int ask(TestClient& client, const std::string& token) {
        return client.call("GET", "/archives", "", "Authorization: Bearer " + token + "\r\n")
            .status;
    }
    std::vector<std::string> arguments() const { return {"--config", folder_ / "s3zipd.toml"}; }
    static std::vector<std::string> environment() {
        return {"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
                "AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"};
    }
    std::string tokens_line() const {
        return "tokens_file = \"" + (folder_ / "tokens.toml") + "\"\n";
    }

    const TempFolder folder_;
};

TEST_F(ReloadTest, Tokens) {
    DaemonProcess process(arguments(), environment());
    TestClient client(process.port());
    EXPECT_EQ(ask(client, "one"), 200);
    EXPECT_EQ(ask(client, "two"), 401);
    write("tokens.toml", tokens(kTwo));
    EXPECT_THAT(reload(process), HasSubstr("settings reloaded"));
    EXPECT_EQ(ask(client, "one"), 401);
    EXPECT_EQ(ask(client, "two"), 200);
    // What cannot be read changes nothing; nor does a file without tokens.
    for (const char* bad : {"[[token", "", "[[token]]\nname = \"t\"\nscopes = [\"all\"]\n"}) {
        write("tokens.toml", bad);
        EXPECT_THAT(reload(process), HasSubstr("settings not reloaded"));
        EXPECT_EQ(ask(client, "two"), 200);
        EXPECT_EQ(ask(client, "one"), 401);
    }
}

TEST_F(ReloadTest, TokensDoNotGoAwayByIt) {
    DaemonProcess process(arguments(), environment());
    TestClient client(process.port());
    write("s3zipd.toml", settings("# no tokens\n"));
    EXPECT_THAT(reload(process), HasSubstr("everybody could use the API"));
    EXPECT_EQ(client.call("GET", "/archives").status, 401);
    EXPECT_EQ(ask(client, "one"), 200);
}

TEST_F(ReloadTest, LimitsAndTheLogLevel) {
    DaemonProcess process(arguments(), environment());
    TestClient client(process.port());
    const auto limit = [&](const std::string& name) {
        const auto metrics =
            client.call("GET", "/metrics", "", "Authorization: Bearer one\r\n").body;
        const std::size_t at = metrics.find("\n" + name + " ");
        return at == std::string::npos ? -1 : std::atoi(&metrics[at + name.size() + 2]);
    };
    EXPECT_EQ(limit("s3zipd_jobs_running_limit"), 64);
    write("s3zipd.toml",
          settings(tokens_line() + "jobs_running_max = 3\njobs_queued_max = 7\njobs_kept_max = 5\n"
                                   "request_rate = 100\njob_request_rate = 10\n"
                                   "log_level = \"error\"\nconnections = 7\n"));
    process.send(SIGHUP);
    // Says what it cannot take over, and then no more: that was a warning.
    EXPECT_THAT(process.read_until("connections"), HasSubstr("setting needs a restart"));
    while (limit("s3zipd_jobs_running_limit") != 3) ASSERT_FALSE(process.ends({}));
    EXPECT_EQ(limit("s3zipd_jobs_queued_limit"), 7);
    EXPECT_EQ(limit("s3zipd_jobs_kept_limit"), 5);
    write("s3zipd.toml", "nonsense = 1\n");
    EXPECT_THAT(reload(process), HasSubstr("nonsense"));
    process.send(SIGTERM);
    EXPECT_EQ(process.exit_code(), 0);
    EXPECT_THAT(process.log(), testing::Not(HasSubstr("stopped")));
}

TEST_F(ReloadTest, HostsAndOriginsOfWebPages) {
    write("s3zipd.toml", settings("# no tokens\n"));
    DaemonProcess process(arguments(), environment());
    TestClient client(process.port());
    const auto ask_as = [&client](const std::string& host, const std::string& origin) {
        client.send("GET /archives HTTP/1.1\r\nHost: " + host + "\r\n" +
                    (origin.empty() ? "" : "Origin: " + origin + "\r\n") + "\r\n");
        return client.read_response();
    };
    EXPECT_EQ(ask_as("localhost", "").status, 200);
    EXPECT_EQ(ask_as("zip.example:8420", "").status, 403);
    EXPECT_EQ(ask_as("localhost", "https://ui.example").status, 403);
    write("s3zipd.toml", settings("allowed_hosts = \"zip.example\"\n"
                                  "allowed_origins = \"https://ui.example\"\n"));
    EXPECT_THAT(reload(process), HasSubstr("settings reloaded"));
    EXPECT_EQ(ask_as("zip.example:8420", "").status, 200);
    const auto allowed = ask_as("localhost", "https://ui.example");
    EXPECT_EQ(allowed.status, 200);
    EXPECT_EQ(allowed.headers.at("access-control-allow-origin"), "https://ui.example");
    EXPECT_EQ(ask_as("evil.example", "").status, 403);
    // The entry at fault is named, and all stays as it was.
    write("s3zipd.toml", settings("allowed_origins = \"https://a.example, https://b/path\"\n"));
    EXPECT_THAT(reload(process),
                testing::AllOf(HasSubstr("settings not reloaded"), HasSubstr("allowed_origins"),
                               HasSubstr("'https://b/path'")));
    EXPECT_EQ(ask_as("zip.example:8420", "https://ui.example").status, 200);
    // With tokens the name does not matter.
    write("s3zipd.toml", settings());
    EXPECT_THAT(reload(process), HasSubstr("settings reloaded"));
    EXPECT_EQ(ask_as("evil.example", "").status, 401);
}

}  // namespace
}  // namespace s3zipd
