#include "s3client/credentials/credential_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "s3client/clip.h"

namespace s3client {
namespace {

using base::ErrorKind;
using base::Result;

std::unexpected<base::Error> bad_command(std::string_view what) {
    return base::fail(ErrorKind::invalid, "bad_command",
                      fmt::format("credential_process: {}", what));
}
std::unexpected<base::Error> failed(ErrorKind kind, std::string_view program,
                                    std::string_view what) {
    return base::fail(kind, "process_failed",
                      fmt::format("credential_process {}: {}", program, what));
}

class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }
    int get() const { return fd_; }
    void set(int fd) {
        close();
        fd_ = fd;
    }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

  private:
    int fd_;
};

struct Pipe {
    Descriptor read, write;
    bool open() {
        int fds[2];
        if (::pipe2(fds, O_CLOEXEC) != 0) return false;
        read.set(fds[0]);
        write.set(fds[1]);
        return ::fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0;
    }
};

// Takes what is there; at the end closes. Beyond size_max bytes are dropped, and `over` is set.
void drain(Descriptor& from, std::string& to, std::size_t size_max, bool& over) {
    std::array<char, 4096> some;
    while (from.get() >= 0) {
        const ssize_t n = ::read(from.get(), some.data(), some.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            from.close();
            return;
        }
        const std::size_t room = size_max - to.size();
        to.append(some.data(), std::min(room, static_cast<std::size_t>(n)));
        if (static_cast<std::size_t>(n) > room) {
            over = true;
            return;
        }
    }
}

// The program, with `out` and `err` as its outputs; 0 or an errno.
int spawn(const std::vector<std::string>& argv, int out, int err, pid_t& pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    CHECK(::posix_spawn_file_actions_init(&actions) == 0);
    CHECK(::posix_spawnattr_init(&attributes) == 0);
    CHECK(::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0);
    CHECK(::posix_spawn_file_actions_adddup2(&actions, out, 1) == 0);
    CHECK(::posix_spawn_file_actions_adddup2(&actions, err, 2) == 0);
    // Whoever it leaves behind must not hold our sockets.
    CHECK(::posix_spawn_file_actions_addclosefrom_np(&actions, 3) == 0);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    // Ours block and ignore some signals; the program expects the usual.
    CHECK(::posix_spawnattr_setsigmask(&attributes, &none) == 0);
    CHECK(::posix_spawnattr_setsigdefault(&attributes, &all) == 0);
    CHECK(::posix_spawnattr_setpgroup(&attributes, 0) == 0);
    CHECK(::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETPGROUP) == 0);
    std::vector<char*> arguments;
    for (const std::string& argument : argv) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    const int error =
        ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return error;
}

bool is_readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
}

struct Run {
    Pipe out, err;
    Descriptor exited;  // a pidfd
    pid_t pid = -1;
    std::string output, complaint;
    bool output_over = false, complaint_over = false;

    ~Run() { end(); }
    // Kills what is left of it and takes its exit status.
    int end(bool kill = true) {
        if (pid < 0) return 0;
        if (kill) {
            ::kill(-pid, SIGKILL);
            ::kill(pid, SIGKILL);  // where fork() stands in for vfork() it may not lead a group yet
        }
        int status = 0;
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        pid = -1;
        return status;
    }
    void read(std::size_t output_max) {
        drain(out.read, output, output_max, output_over);
        drain(err.read, complaint, kStderrShown_bytes, complaint_over);
        if (complaint_over) err.read.close();  // it may get SIGPIPE: it said enough
    }
    // False when its time is up.
    bool wait(std::chrono::steady_clock::time_point due, int stop_fd) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(due - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        std::array<pollfd, 4> polled{{{exited.get(), POLLIN, 0},
                                      {out.read.get(), POLLIN, 0},
                                      {err.read.get(), POLLIN, 0},
                                      {stop_fd, POLLIN, 0}}};
        ::poll(polled.data(), polled.size(),
               static_cast<int>(std::min<long>(left.count(), 60'000)));
        return true;
    }
    bool has_exited() const { return is_readable(exited.get()); }
};

std::string how_it_ended(int status, std::string_view complaint) {
    std::string text = WIFEXITED(status) ? fmt::format("exit status {}", WEXITSTATUS(status))
                                         : fmt::format("ended by signal {}", WTERMSIG(status));
    std::string shown(clip(complaint, kStderrShown_bytes));
    std::ranges::replace_if(
        shown, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
    if (!shown.empty()) text += fmt::format(": {}", shown);
    return text;
}

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view command) {
    std::vector<std::string> words;
    std::optional<std::string> word;  // "" is a word, too
    char quote = 0;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const char c = command[i];
        if (c == '\0') return bad_command("a zero byte");
        if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
            if (!word) word.emplace();
        } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            if (word) words.push_back(std::move(*word));
            word.reset();
        } else {
            if (!word) word.emplace();
            const bool last = i + 1 == command.size();
            if (c == '\\' && quote == 0 && last) return bad_command("ends with a backslash");
            // Within double quotes only these two are escaped.
            const bool escapes =
                c == '\\' && !last &&
                (quote == 0 || (quote == '"' && (command[i + 1] == '"' || command[i + 1] == '\\')));
            if (escapes) ++i;
            word->push_back(command[i]);
        }
    }
    if (quote != 0) return bad_command("a quote is not closed");
    if (word) words.push_back(std::move(*word));
    if (words.empty() || words[0].empty()) return bad_command("names no program");
    return words;
}

Result<std::string> run_process(const std::vector<std::string>& argv, const ProcessLimits& limits) {
    CHECK(!argv.empty());
    const std::string& program = argv[0];
    Run run;
    if (!run.out.open() || !run.err.open()) {
        return failed(ErrorKind::transient, program, std::strerror(errno));
    }
    if (const int error = spawn(argv, run.out.write.get(), run.err.write.get(), run.pid)) {
        run.pid = -1;
        return failed(ErrorKind::invalid, program, std::strerror(error));
    }
    run.out.write.close();
    run.err.write.close();
    run.exited.set(static_cast<int>(::syscall(SYS_pidfd_open, run.pid, 0)));
    if (run.exited.get() < 0) return failed(ErrorKind::transient, program, std::strerror(errno));
    const auto due = std::chrono::steady_clock::now() + limits.timeout;
    bool exited = false;
    while (!exited) {
        const bool in_time = run.wait(due, limits.stop_fd);
        if (is_readable(limits.stop_fd))
            return base::fail(ErrorKind::cancelled, "cancelled", "cancelled");
        if (!in_time) {
            return base::fail(ErrorKind::transient, "process_timeout",
                              fmt::format("credential_process {}: not done after {} ms", program,
                                          limits.timeout / std::chrono::milliseconds(1)));
        }
        exited = run.has_exited();  // before the last look: all it wrote is in the pipes then
        run.read(limits.output_max_bytes);
        if (run.output_over) {
            return failed(ErrorKind::invalid, program,
                          fmt::format("more than {} bytes of output", limits.output_max_bytes));
        }
    }
    const int status = run.end(/*kill=*/false);
    if (status != 0) {
        return failed(ErrorKind::denied, program, how_it_ended(status, run.complaint));
    }
    return std::move(run.output);
}

}  // namespace s3client
