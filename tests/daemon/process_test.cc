// The binary itself: flags in, one line out, SIGTERM and it is gone. What a signal does to jobs
// that run is in survival_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "daemon_process.h"
#include "notify_listener.h"
#include "s3sim/server.h"
#include "temp_folder.h"
#include "test_client.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

TEST(Process, ServesUntilItIsTerminated) {
    for (const int signal : {SIGTERM, SIGINT}) {
        s3sim::Options options;
        options.buckets = {"photos", "out"};
        auto sim = s3sim::Server::start(options);
        ASSERT_TRUE(sim.has_value());
        ASSERT_TRUE((*sim)->put("photos", "a.txt", "hello"));
        const TempFolder state;
        DaemonProcess process({"--listen", "127.0.0.1:0", "--memory", "32MiB", "--reactors", "1",
                               "--io", "epoll", "--state-dir", state.path()},
                              {"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
                               "AWS_ENDPOINT_URL_S3=" + (*sim)->endpoint()});
        const std::uint16_t port = process.port();
        ASSERT_NE(port, 0);
        TestClient client(port);
        EXPECT_EQ(client.call("GET", "/readyz").status, 200);
        EXPECT_THAT(client.call("GET", "/version").body, HasSubstr("\"io\":\"epoll\""));
        const auto job = client.call(
            "POST", "/archives",
            R"({"source":{"bucket":"photos"},"destination":{"bucket":"out","key":"a.zip"}})");
        EXPECT_EQ(job.status, 202);
        TestClient watcher(port);
        watcher.send(TestClient::request_text("GET", job.headers.at("location") + "/events"));
        EXPECT_THAT(watcher.read_to_end(), HasSubstr("\"state\":\"succeeded\""));
        EXPECT_THAT(process.read_until("job ended"), HasSubstr("job ended"));
        process.send(signal);
        EXPECT_EQ(process.exit_code(), 0) << process.rest();
    }
}

TEST(Process, TellsItsSupervisor) {
    std::string state = testing::TempDir() + "s3zipd-notify-XXXXXX";
    ASSERT_NE(mkdtemp(state.data()), nullptr);
    const NotifyListener supervisor("@");
    {
        DaemonProcess process({"--listen=127.0.0.1:0", "--memory=32MiB", "--reactors=1",
                               "--io=epoll", "--drain-seconds=5"},
                              {"NOTIFY_SOCKET=" + supervisor.name(), "WATCHDOG_USEC=20000",
                               "STATE_DIRECTORY=" + state});
        EXPECT_THAT(supervisor.next(),
                    testing::StartsWith("READY=1\nSTATUS=serving http://127.0.0.1:"));
        for (int i = 0; i < 3; ++i) EXPECT_EQ(supervisor.next(), "WATCHDOG=1");
        process.send(SIGTERM);
        std::string last = supervisor.next();
        while (last == "WATCHDOG=1") last = supervisor.next();
        EXPECT_EQ(last, "STOPPING=1\nSTATUS=letting jobs end\nEXTEND_TIMEOUT_USEC=40000000");
        EXPECT_EQ(process.exit_code(), 0) << process.rest();
    }
    EXPECT_TRUE(std::filesystem::exists(state + "/journal.db"));
    std::filesystem::remove_all(state);
}

TEST(Process, BadUsage) {
    DaemonProcess flag({"--frobnicate"});
    EXPECT_THAT(flag.read_until("\n"), HasSubstr("s3zipd: --frobnicate: no such flag"));
    EXPECT_EQ(flag.exit_code(), 2);
    DaemonProcess value({"--memory", "lots"});
    EXPECT_EQ(value.exit_code(), 2);
    DaemonProcess variable({}, {"S3ZIPD_REACTORS=x"});
    EXPECT_THAT(variable.read_until("\n"), HasSubstr("S3ZIPD_REACTORS"));
    EXPECT_EQ(variable.exit_code(), 2);
    DaemonProcess help({"--help"});
    EXPECT_THAT(help.read_until("--version"), HasSubstr("--memory SIZE"));
    EXPECT_EQ(help.exit_code(), 0);
    DaemonProcess version({"--version"});
    EXPECT_THAT(version.read_until("\n"), testing::StartsWith("s3zipd "));
    EXPECT_EQ(version.exit_code(), 0);
}

TEST(Process, APortThatIsTaken) {
    auto sim = s3sim::Server::start({});
    ASSERT_TRUE(sim.has_value());
    const std::string taken = "127.0.0.1:" + std::to_string((*sim)->port());
    const TempFolder state;
    DaemonProcess process(
        {"--listen", taken, "--reactors", "1", "--memory", "32MiB", "--state-dir", state.path()});
    EXPECT_THAT(process.read_until("in use"), HasSubstr(taken));
    EXPECT_EQ(process.exit_code(), 1);
}

}  // namespace
}  // namespace s3zipd
