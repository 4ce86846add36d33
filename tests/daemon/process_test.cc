// The binary itself: flags in, one line out, SIGTERM and it is gone.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "notify_listener.h"
#include "s3sim/server.h"
#include "test_client.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

// A child process with its standard output and error in one pipe.
class Process {
  public:
    explicit Process(std::vector<std::string> arguments,
                     std::vector<std::string> environment = {}) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) return;
        arguments.insert(arguments.begin(), S3ZIPD_BINARY);
        std::vector<char*> argv, envp;
        for (auto& text : arguments) argv.push_back(text.data());
        for (auto& text : environment) envp.push_back(text.data());
        argv.push_back(nullptr);
        envp.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            dup2(ends[1], STDOUT_FILENO);
            dup2(ends[1], STDERR_FILENO);
            execve(S3ZIPD_BINARY, argv.data(), envp.data());
            _exit(127);
        }
        close(ends[1]);
        output_ = ends[0];
    }
    ~Process() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        close(output_);
    }
    // What it says until `mark`, or its end.
    std::string read_until(std::string_view mark) {
        std::string text;
        char byte;
        pollfd readable{output_, POLLIN, 0};
        while (text.find(mark) == std::string::npos && poll(&readable, 1, 20'000) == 1 &&
               read(output_, &byte, 1) == 1) {
            text += byte;
        }
        return text;
    }
    void send(int signal) const { kill(pid_, signal); }
    int exit_code() {
        rest_ = read_until("\x01never");  // to the end of its output
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

    const std::string& rest() const { return rest_; }  // what it said last

  private:
    std::string rest_;
    pid_t pid_ = -1;
    int output_ = -1;
};

std::uint16_t port_in(const std::string& output) {
    const std::string_view mark = "s3zipd listening on http://127.0.0.1:";
    const std::size_t at = output.find(mark);
    return at == std::string::npos
               ? 0
               : static_cast<std::uint16_t>(std::atoi(output.c_str() + at + mark.size()));
}

TEST(Process, ServesUntilItIsTerminated) {
    for (const int signal : {SIGTERM, SIGINT}) {
        s3sim::Options options;
        options.buckets = {"photos", "out"};
        auto sim = s3sim::Server::start(options);
        ASSERT_TRUE(sim.has_value());
        ASSERT_TRUE((*sim)->put("photos", "a.txt", "hello"));
        Process process(
            {"--listen", "127.0.0.1:0", "--memory", "32MiB", "--reactors", "1", "--io", "epoll"},
            {"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
             "AWS_ENDPOINT_URL_S3=" + (*sim)->endpoint()});
        const std::uint16_t port = port_in(process.read_until("listening on http://127.0.0.1:") +
                                           process.read_until("\n"));
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

TEST(Process, ATerminationAbortsTheUpload) {
    s3sim::Options options;
    options.buckets = {"out"};
    options.synthetic = {{"big", "count=100,size=3000000"}};
    options.faults = "UploadPart delay=200";
    auto sim = s3sim::Server::start(options);
    ASSERT_TRUE(sim.has_value());
    Process process({"--listen=127.0.0.1:0", "--memory=32MiB", "--reactors=1", "--io=epoll",
                     "--part-size=5MiB", "--endpoint-url", (*sim)->endpoint()},
                    {"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret"});
    const std::uint16_t port =
        port_in(process.read_until("listening on http://127.0.0.1:") + process.read_until("\n"));
    ASSERT_NE(port, 0);
    TestClient client(port);
    const auto job =
        client.call("POST", "/archives",
                    R"({"source":{"bucket":"big"},"destination":{"bucket":"out","key":"a.zip"}})");
    ASSERT_EQ(job.status, 202);
    TestClient watcher(port);
    watcher.send(TestClient::request_text("GET", job.headers.at("location") + "/events"));
    watcher.read_until("\"parts_done\":1");
    EXPECT_EQ((*sim)->open_uploads().size(), 1u);
    process.send(SIGTERM);
    EXPECT_THAT(watcher.read_to_end(), HasSubstr("\"state\":\"cancelled\""));
    EXPECT_EQ(process.exit_code(), 0) << process.rest();
    EXPECT_TRUE((*sim)->open_uploads().empty());
}

TEST(Process, TellsItsSupervisor) {
    std::string state = testing::TempDir() + "s3zipd-notify-XXXXXX";
    ASSERT_NE(mkdtemp(state.data()), nullptr);
    const NotifyListener supervisor("@");
    {
        Process process({"--listen=127.0.0.1:0", "--memory=32MiB", "--reactors=1", "--io=epoll",
                         "--drain-seconds=5"},
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
    Process flag({"--frobnicate"});
    EXPECT_THAT(flag.read_until("\n"), HasSubstr("s3zipd: --frobnicate: no such flag"));
    EXPECT_EQ(flag.exit_code(), 2);
    Process value({"--memory", "lots"});
    EXPECT_EQ(value.exit_code(), 2);
    Process variable({}, {"S3ZIPD_REACTORS=x"});
    EXPECT_THAT(variable.read_until("\n"), HasSubstr("S3ZIPD_REACTORS"));
    EXPECT_EQ(variable.exit_code(), 2);
    Process help({"--help"});
    EXPECT_THAT(help.read_until("--version"), HasSubstr("--memory SIZE"));
    EXPECT_EQ(help.exit_code(), 0);
    Process version({"--version"});
    EXPECT_THAT(version.read_until("\n"), testing::StartsWith("s3zipd "));
    EXPECT_EQ(version.exit_code(), 0);
}

TEST(Process, APortThatIsTaken) {
    auto sim = s3sim::Server::start({});
    ASSERT_TRUE(sim.has_value());
    const std::string taken = "127.0.0.1:" + std::to_string((*sim)->port());
    Process process({"--listen", taken, "--reactors", "1", "--memory", "32MiB"});
    EXPECT_THAT(process.read_until("in use"), HasSubstr(taken));
    EXPECT_EQ(process.exit_code(), 1);
}

}  // namespace
}  // namespace s3zipd
