#include "daemon_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cstdlib>

#include "base/check.h"

namespace s3zipd {

DaemonProcess::DaemonProcess(std::vector<std::string> arguments,
                             std::vector<std::string> environment,
                             bool (*before_exec)(const char* argument),
                             std::string before_exec_argument) {
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    arguments.insert(arguments.begin(), S3ZIPD_BINARY);
    std::vector<char*> argv, envp;
    for (auto& text : arguments) argv.push_back(text.data());
    for (auto& text : environment) envp.push_back(text.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        if (before_exec != nullptr && !before_exec(before_exec_argument.c_str())) _exit(126);
        execve(S3ZIPD_BINARY, argv.data(), envp.data());
        _exit(127);
    }
    close(ends[1]);
    output_ = ends[0];
    pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    CHECK(pid_fd_ >= 0);
    reader_ = std::thread([this] { collect(); });
}

DaemonProcess::~DaemonProcess() {
    if (!ended_) {
        send(SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    reader_.join();
    close(pid_fd_);
    close(output_);
}

void DaemonProcess::collect() {
    char bytes[16'384];
    ssize_t count;
    while ((count = read(output_, bytes, sizeof bytes)) > 0) {
        const std::scoped_lock lock(mutex_);
        said_.append(bytes, static_cast<std::size_t>(count));
        said_more_.notify_all();
    }
    const std::scoped_lock lock(mutex_);
    silent_ = true;
    said_more_.notify_all();
}

std::string DaemonProcess::read_until(std::string_view mark, std::chrono::milliseconds within) {
    std::unique_lock lock(mutex_);
    std::size_t at = std::string::npos;
    said_more_.wait_for(lock, within, [&] {
        at = said_.find(mark, handed_out_);
        return at != std::string::npos || silent_;
    });
    const std::size_t end = at == std::string::npos ? said_.size() : at + mark.size();
    std::string text = said_.substr(handed_out_, end - handed_out_);
    handed_out_ = end;
    return text;
}

std::uint16_t DaemonProcess::port(std::chrono::milliseconds within) {
    if (port_) return *port_;
    constexpr std::string_view kMark = "s3zipd listening on http://127.0.0.1:";
    const auto deadline = std::chrono::steady_clock::now() + within;
    const auto left = [&] {
        return std::max(std::chrono::ceil<std::chrono::milliseconds>(
                            deadline - std::chrono::steady_clock::now()),
                        std::chrono::milliseconds(0));
    };
    if (!read_until(kMark, left()).ends_with(kMark)) return 0;
    port_ = static_cast<std::uint16_t>(std::atoi(read_until("\n", left()).c_str()));
    return *port_;
}

void DaemonProcess::send(int signal) const {
    syscall(SYS_pidfd_send_signal, pid_fd_, signal, nullptr, 0);
}

bool DaemonProcess::ends(std::chrono::milliseconds within) {
    if (ended_) return true;
    pollfd dead{pid_fd_, POLLIN, 0};
    if (poll(&dead, 1, static_cast<int>(within.count())) != 1) return false;
    CHECK(waitpid(pid_, &status_, 0) == pid_);
    ended_ = true;
    std::unique_lock lock(mutex_);  // its last words are in the pipe
    said_more_.wait_for(lock, kPatience, [this] { return silent_; });
    return true;
}

int DaemonProcess::exit_code(std::chrono::milliseconds within) {
    if (!ends(within)) return -1;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 1000 + WTERMSIG(status_);
}

std::string DaemonProcess::rest() const {
    const std::scoped_lock lock(mutex_);
    return said_.substr(handed_out_);
}

std::string DaemonProcess::log() const {
    const std::scoped_lock lock(mutex_);
    return said_;
}

}  // namespace s3zipd
