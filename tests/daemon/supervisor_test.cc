#include "daemon/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/un.h>
#include <unistd.h>
#include <atomic>
#include <cstdlib>
#include <string>

#include "notify_listener.h"

namespace s3zipd {
namespace {

using namespace std::chrono_literals;

std::string own_pid() { return std::to_string(getpid()); }

TEST(Supervisor, NobodyListens) {
    Supervisor supervisor({});
    EXPECT_FALSE(supervisor.is_there());
    EXPECT_FALSE(supervisor.watchdog_timeout().has_value());
    supervisor.ready("serving");
    supervisor.watch([] { return true; });
    supervisor.stopping("draining", 1s);
}

TEST(Supervisor, SaysReadyAndStopping) {
    const NotifyListener listener("@");
    Supervisor supervisor({{"NOTIFY_SOCKET", listener.name()}});
    ASSERT_TRUE(supervisor.is_there());
    supervisor.ready("serving on http://127.0.0.1:8420");
    EXPECT_EQ(listener.next(), "READY=1\nSTATUS=serving on http://127.0.0.1:8420");
    supervisor.status("3 jobs");
    EXPECT_EQ(listener.next(), "STATUS=3 jobs");
    supervisor.stopping("draining", 60s);
    EXPECT_EQ(listener.next(), "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=60000000");
    EXPECT_EQ(listener.next(0ms), "");
}

TEST(Supervisor, ASocketWithAPath) {
    std::string folder = testing::TempDir() + "s3zipd-supervisor-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    const std::string path = folder + "/notify";
    {
        const NotifyListener listener(path);
        Supervisor supervisor({{"NOTIFY_SOCKET", listener.name()}});
        supervisor.status("here");
        EXPECT_EQ(listener.next(), "STATUS=here");
    }
    unlink(path.c_str());
    // The supervisor is gone: not our end, and the next message is no worse.
    Supervisor orphan({{"NOTIFY_SOCKET", path}});
    orphan.ready("serving");
    orphan.status("still here");
    rmdir(folder.c_str());
}

TEST(Supervisor, AStatusIsOneLine) {
    const NotifyListener listener("@");
    Supervisor supervisor({{"NOTIFY_SOCKET", listener.name()}});
    supervisor.status("a\nREADY=1");
    EXPECT_EQ(listener.next(), "STATUS=a READY=1");
}

TEST(Supervisor, AddressesThatAreNone) {
    for (const std::string& name :
         {std::string("/"), std::string("@"), std::string("run/notify"),
          std::string("vsock:2:1234"), "/" + std::string(sizeof(sockaddr_un::sun_path), 'a')}) {
        const Supervisor supervisor({{"NOTIFY_SOCKET", name}, {"WATCHDOG_USEC", "1000000"}});
        EXPECT_FALSE(supervisor.is_there()) << name;
        EXPECT_FALSE(supervisor.watchdog_timeout().has_value()) << name;
    }
}

TEST(Supervisor, WhoseWatchdogItIs) {
    const auto timeout = [](std::string microseconds, std::string pid) {
        Supervisor::Environment environment{{"NOTIFY_SOCKET", "@nobody"}};
        if (!microseconds.empty()) environment.emplace("WATCHDOG_USEC", microseconds);
        if (!pid.empty()) environment.emplace("WATCHDOG_PID", pid);
        return Supervisor(environment).watchdog_timeout();
    };
    EXPECT_EQ(timeout("30000000", own_pid()), 30s);
    EXPECT_EQ(timeout("30000000", ""), 30s);
    EXPECT_EQ(timeout("", own_pid()), std::nullopt);
    EXPECT_EQ(timeout("30000000", "1"), std::nullopt);
    EXPECT_EQ(timeout("30000000", "x"), std::nullopt);
    for (const char* wrong : {"0", "-1", "30s", "99999999999999999999", "9223372036854775808"})
        EXPECT_EQ(timeout(wrong, own_pid()), std::nullopt) << wrong;
}

TEST(Supervisor, IsToldThatWeAreAliveAsLongAsWeAre) {
    const NotifyListener listener("@");
    Supervisor supervisor({{"NOTIFY_SOCKET", listener.name()}, {"WATCHDOG_USEC", "2000"}});
    std::atomic<bool> alive = true;
    std::atomic<int> asked = 0;
    supervisor.watch([&] {
        ++asked;
        asked.notify_all();
        return alive.load();
    });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(listener.next(), "WATCHDOG=1");
    alive = false;
    // The answer under way may still be yes; from the second question on it is no.
    const int before = asked;
    for (int now = before; now < before + 2; now = asked) asked.wait(now);
    while (listener.next(0ms) == "WATCHDOG=1") {
    }
    const int silent = asked;
    for (int now = silent; now < silent + 3; now = asked) asked.wait(now);
    EXPECT_EQ(listener.next(0ms), "");
    alive = true;
    EXPECT_EQ(listener.next(), "WATCHDOG=1");
    supervisor.stopping("draining", 1s);
    const int last = asked;
    std::string message;
    do message = listener.next();
    while (message == "WATCHDOG=1");
    EXPECT_THAT(message, testing::StartsWith("STOPPING=1\n"));
    EXPECT_EQ(asked, last);  // nobody asks a daemon that stops
}

TEST(Supervisor, GoesAwayWithoutBeingStopped) {
    const NotifyListener listener("@");
    Supervisor supervisor({{"NOTIFY_SOCKET", listener.name()}, {"WATCHDOG_USEC", "60000000"}});
    supervisor.watch([] { return true; });
    EXPECT_EQ(listener.next(), "WATCHDOG=1");
}

}  // namespace
}  // namespace s3zipd
