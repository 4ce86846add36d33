#include "bench/api_load/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace api_load {

Child::Child(std::vector<std::string> argv, const std::vector<std::string>& more) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    std::vector<char*> arguments, environment;
    for (auto& text : argv) arguments.push_back(text.data());
    for (char** at = environ; *at != nullptr; ++at) environment.push_back(*at);
    for (const auto& text : more) environment.push_back(const_cast<char*>(text.data()));
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execve(arguments[0], arguments.data(), environment.data());
        _exit(127);
    }
    close(ends[1]);
    output_ = ends[0];
    fcntl(output_, F_SETFL, O_NONBLOCK);
}

Child::~Child() {
    if (pid_ > 0 && !ended_) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (output_ >= 0) close(output_);
}

std::string Child::take_output() {
    std::string said;
    char some[4096];
    ssize_t count = 0;
    while ((count = read(output_, some, sizeof some)) > 0)
        said.append(some, static_cast<std::size_t>(count));
    return said;
}

bool Child::is_alive() {
    if (!ended_) ended_ = pid_ <= 0 || waitpid(pid_, nullptr, WNOHANG) == pid_;
    return !ended_;
}

Usage Child::usage() const {
    Usage usage;
    const std::string folder = "/proc/" + std::to_string(pid_);
    std::ifstream status(folder + "/status");
    for (std::string line; std::getline(status, line);) {
        unsigned long long kib = 0;
        if (std::sscanf(line.c_str(), "VmRSS: %llu", &kib) == 1) usage.resident_bytes = kib * 1024;
        if (std::sscanf(line.c_str(), "VmHWM: %llu", &kib) == 1) usage.peak_bytes = kib * 1024;
    }
    std::error_code ignored;
    for (std::filesystem::directory_iterator at(folder + "/fd", ignored), end; at != end;
         at.increment(ignored))
        ++usage.files;
    std::ifstream stat(folder + "/stat");
    std::string line;
    std::getline(stat, line);
    unsigned long long user = 0, system = 0;
    const std::size_t name_end = line.rfind(')');
    if (name_end != std::string::npos &&
        std::sscanf(line.c_str() + name_end + 1,
                    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) == 2)
        usage.cpu_seconds =
            static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
    return usage;
}

// What "5" means is in proc(5).
void Child::forget_peak() const {
    std::ofstream("/proc/" + std::to_string(pid_) + "/clear_refs") << "5";
}

}  // namespace api_load
