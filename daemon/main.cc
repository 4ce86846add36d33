// s3zipd: reads settings, starts the daemon, waits for SIGTERM or SIGINT (SIGHUP: settings are read
// again), lets jobs end or parks them, and takes all down again. Exit codes: 0 stopped as asked,
// 1 cannot start or hangs while stopping, 2 bad usage or settings.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "config/check.h"
#include "config/limits.h"
#include "config/settings.h"
#include "daemon/daemon.h"
#include "daemon/notify_secret.h"
#include "daemon/supervisor.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

// Blocked before the first thread starts, so that only wait_for_stop() sees them.
sigset_t block_signals() {
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

// Ends the process if stopping takes too long: whatever hangs must not keep a supervisor waiting.
class StopWatchdog {
  public:
    explicit StopWatchdog(std::chrono::seconds timeout)
        : thread_([this, timeout] { run(timeout); }) {}
    ~StopWatchdog() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

  private:
    void run(std::chrono::seconds timeout) {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, timeout, [this] { return done_; })) return;
        base::log_error("stopping takes too long, uploads may be left open");
        _exit(1);
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::thread thread_;
};

void say(std::FILE* where, const std::string& text) {
    std::fputs(text.c_str(), where);
    std::fflush(where);
}

int fail(int code, const base::Error& error) {
    say(stderr, fmt::format("s3zipd: {}\n", error.detail));
    return code;
}

std::string serving(const Daemon& daemon) {
    return fmt::format("serving {}", fmt::join(daemon.urls(), ", "));
}

// Sockets are files: as many as the connections that are allowed, and some for the rest.
void raise_file_limit(const config::Settings& s) {
    constexpr rlim_t kOthers = 512;
    const rlim_t reactors = s.reactors == 0 ? std::thread::hardware_concurrency() : s.reactors;
    const rlim_t wanted = reactors * s.connections_max + s.api_connections_max + kOthers;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted) {
        base::log_warn("few open files are allowed: raise LimitNOFILE, or lower api_connections",
                       {{"allowed", limit.rlim_cur}, {"wanted", wanted}});
    }
}

using Arguments = std::vector<std::string>;

// Until one asks to stop; SIGHUP reads the settings again.
void wait_for_stop(Daemon& daemon, Supervisor& supervisor, const Arguments& arguments,
                   const sigset_t& signals) {
    for (;;) {
        int number = 0;
        sigwait(&signals, &number);
        if (number != SIGHUP) {
            base::log_info("stopping", {{"signal", number}});
            return;
        }
        supervisor.reloading();
        const auto settings = config::load(arguments, config::process_environment());
        const auto done = settings ? daemon.reload(*settings) : std::unexpected(settings.error());
        if (done)
            base::log_info("settings reloaded");
        else
            base::log_error("settings not reloaded", {{"error", done.error().detail}});
        supervisor.ready(serving(daemon));
    }
}

// Until the jobs that run have ended, the time is up, or a second signal says that it is.
bool drain(Daemon& daemon, const sigset_t& signals, std::chrono::seconds timeout) {
    constexpr std::chrono::milliseconds kStep{200};
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!daemon.drain(kStep)) {
        const timespec now{};
        const int signal = sigtimedwait(&signals, nullptr, &now);
        if (std::chrono::steady_clock::now() >= end || (signal > 0 && signal != SIGHUP))
            return false;
    }
    return true;
}

int serve(const config::Settings& settings, const Arguments& arguments, const sigset_t& signals) {
    std::optional<StopWatchdog> watchdog;  // to the very end
    Supervisor supervisor(config::process_environment());
    raise_file_limit(settings);
    auto started = Daemon::start(settings, supervisor.take_sockets());
    if (!started) {
        // Of the journal none is a setting's: what is wrong with it may be mended beside us.
        const base::Error& error = started.error();
        const bool is_setting =
            error.kind == base::ErrorKind::invalid && !error.code.starts_with("journal");
        return fail(is_setting ? 2 : 1, error);
    }
    Daemon& daemon = **started;
    for (const std::string& url : daemon.urls())
        say(stdout, fmt::format("s3zipd listening on {}\n", url));
    supervisor.ready(serving(daemon));
    supervisor.watch([&] { return daemon.is_alive(); });

    wait_for_stop(daemon, supervisor, arguments, signals);
    const std::chrono::seconds drain_time(settings.drain_seconds);
    const std::chrono::seconds at_most = drain_time + config::kStopTimeout + config::kAliveTimeout;
    watchdog.emplace(at_most);
    supervisor.stopping("letting jobs end", at_most);
    daemon.begin_stopping();
    const bool drained = drain(daemon, signals, drain_time);
    watchdog.emplace(config::kStopTimeout);
    daemon.stop(drained);
    started->reset();
    base::log_info("stopped");
    return 0;
}

int check_config(const Arguments& arguments) {
    config::Report report = config::check(arguments, config::process_environment());
    const config::Settings& s = report.settings;
    if (!s.notify_secret_file.empty()) {
        const auto secret = notify_secret(s.notify_secret_file, s.state_dir);
        if (!secret) report.problems.push_back(secret.error().detail);
    }
    say(report.good() ? stdout : stderr, config::to_text(report));
    return report.good() ? 0 : 2;
}

int run(int argc, char** argv) {
    const Arguments arguments(argv + 1, argv + argc);
    const auto settings = config::load(arguments, config::process_environment());
    if (!settings) return fail(2, settings.error());
    if (settings->action == config::Action::show_help) {
        say(stdout, config::usage());
        return 0;
    }
    if (settings->action == config::Action::show_version) {
        say(stdout, fmt::format("s3zipd {}\n", kVersion));
        return 0;
    }
    if (settings->action == config::Action::check_config) return check_config(arguments);
    base::set_log_level(settings->log_level);
    base::set_log_format(settings->log_format);
    return serve(*settings, arguments, block_signals());
}

}  // namespace
}  // namespace s3zipd

int main(int argc, char** argv) {
    try {
        return s3zipd::run(argc, argv);
    } catch (const std::exception& e) {  // no thread to be had, no memory
        return s3zipd::fail(1, {base::ErrorKind::exhausted, "exhausted", e.what(), 0, {}, {}});
    }
}
