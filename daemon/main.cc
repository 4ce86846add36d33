// s3zipd: settings, journal, engine, jobs, API, in this order; then waits for SIGTERM or SIGINT,
// lets jobs end or parks them, and takes all down again. Exit codes: 0 stopped as asked, 1 cannot
// start or hangs while stopping, 2 bad usage or settings.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>

#include "archive/engine.h"
#include "base/log.h"
#include "config/check.h"
#include "config/settings.h"
#include "daemon/api.h"
#include "daemon/api_json.h"
#include "daemon/engine_adapter.h"
#include "daemon/job_service.h"
#include "daemon/journal.h"
#include "daemon/notifier.h"
#include "daemon/notify_secret.h"
#include "daemon/supervisor.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

// Blocked before the first thread starts, so that only wait_for_signal() sees them.
sigset_t block_signals() {
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

// Ends the process if stopping takes too long: whatever hangs must not keep a supervisor waiting.
class StopWatchdog {
  public:
    StopWatchdog() : thread_([this] { run(); }) {}
    ~StopWatchdog() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, config::kStopTimeout, [this] { return done_; })) return;
        base::log_error("stopping takes too long, uploads may be left open");
        _exit(1);
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::thread thread_;
};

void log_start(const config::Settings& s, const archive::EngineStats& stats) {
    base::log_info("s3zipd starts", {{"version", kVersion},
                                     {"config", s.config_file.empty() ? "none" : s.config_file},
                                     {"io", stats.io},
                                     {"reactors", stats.reactors},
                                     {"memory", s.memory_bytes},
                                     {"jobs_running_max", s.jobs_running_max}});
    for (const auto& warning : s.warnings) base::log_warn(warning);
}

void say(std::FILE* where, const std::string& text) {
    std::fputs(text.c_str(), where);
    std::fflush(where);
}

int fail(int code, const base::Error& error) {
    say(stderr, fmt::format("s3zipd: {}\n", error.detail));
    return code;
}

JobLimits job_limits(const config::Settings& settings) {
    JobLimits limits;
    limits.running_max = settings.jobs_running_max;
    limits.queued_max = settings.jobs_queued_max;
    limits.kept_max = settings.jobs_kept_max;
    limits.kept_time = std::chrono::days(settings.jobs_kept_days);
    limits.sweep_interval = std::chrono::seconds(settings.sweep_seconds);
    limits.sweep_grace = std::chrono::seconds(settings.sweep_grace_seconds);
    return limits;
}

void wait_for_signal(const sigset_t& signals) {
    int number = 0;
    sigwait(&signals, &number);
    base::log_info("stopping", {{"signal", number}});
}

// Until the jobs that run have ended, the time is up, or a second signal says that it is.
bool drain(JobService& jobs, const sigset_t& signals, std::chrono::seconds timeout) {
    constexpr std::chrono::milliseconds kStep{200};
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!jobs.drain(kStep)) {
        const timespec now{};
        if (std::chrono::steady_clock::now() >= end || sigtimedwait(&signals, nullptr, &now) > 0)
            return false;
    }
    return true;
}

// Webhooks. The notifier lives as long as the jobs that use it.
base::Status tell_ends(JobService& jobs, const config::Settings& settings) {
    auto secret = notify_secret(settings.notify_secret_file, settings.state_dir);
    if (!secret) return std::unexpected(secret.error());
    auto started = Notifier::start(
        {.secret = std::move(*secret),
         .ca_bundle = settings.ca_bundle,
         .allowed = settings.notify_allow},
        [&jobs](const Outcome& outcome) {
            const bool later = !outcome.delivered && !outcome.given_up && !outcome.pending;
            jobs.noticed(outcome.job_id, {outcome.attempts, outcome.delivered, outcome.given_up},
                         later);
        });
    if (!started) return std::unexpected(started.error());
    const std::shared_ptr<Notifier> notifier = std::move(*started);
    jobs.set_notify(
        [notifier](const JobView& job, unsigned attempts) {
            notifier->post({job.id, job.job->request().notify_url,
                            job_json(job, config::kObjectsShownInListsMax), attempts});
        },
        [notifier](const std::string& url) { return notifier->check(url); });
    return {};
}

bool has_succeeded(const JournaledJob& job) {
    return job.end && job.end->snapshot.state == archive::JobState::succeeded;
}

int serve(const config::Settings& settings, const sigset_t& signals) {
    std::optional<StopWatchdog> watchdog;  // to the very end
    Supervisor supervisor(config::process_environment());
    // The journal outlives the engine, whose jobs write to it to the last.
    auto journal = Journal::open(settings.state_dir);
    if (!journal) return fail(1, journal.error());
    auto before = (*journal)->load();
    if (!before) return fail(1, before.error());
    auto config = engine_config(settings);
    config.endpoint_has_answered =
        std::ranges::any_of(*before, has_succeeded) || !(*journal)->known_upload_ids().empty();
    auto engine = archive::Engine::create(std::move(config));
    if (!engine) {  // 2: what AWS_* variables or a profile say cannot be right
        return fail(engine.error().kind == base::ErrorKind::invalid ? 2 : 1, engine.error());
    }
    EngineAdapter adapter(**engine);
    JobService jobs(adapter, **journal, job_limits(settings), base::system_clock());
    if (auto told = tell_ends(jobs, settings); !told)
        return fail(told.error().kind == base::ErrorKind::invalid ? 2 : 1, told.error());
    jobs.restore(std::move(*before));
    auto api = ApiServer::listen(settings.listen.front().address, settings.listen.front().port,
                                 jobs, adapter, ApiLimits{});
    if (!api) return fail(1, api.error());
    jobs.begin();
    log_start(settings, (*engine)->stats());
    say(stdout, fmt::format("s3zipd listening on http://{}\n", (*api)->address()));

    supervisor.ready(fmt::format("serving http://{}", (*api)->address()));
    // Also takes the lock of the jobs, without which nothing goes on.
    supervisor.watch([&] { return jobs.counts(), (*api)->answers(config::kAliveTimeout); });

    wait_for_signal(signals);
    const std::chrono::seconds drain_time(settings.drain_seconds);
    supervisor.stopping("letting jobs end",
                        drain_time + config::kStopTimeout + config::kAliveTimeout);
    (*api)->begin_stopping();
    const bool drained = drain(jobs, signals, drain_time);
    watchdog.emplace();
    if (!drained && !jobs.park(config::kStopJobsTimeout))
        base::log_warn("some jobs have not let go; they resume all the same");
    (*api)->stop(config::kStopApiTimeout);
    api->reset();
    engine->reset();
    base::log_info("stopped");
    return 0;
}

int check_config(const std::vector<std::string>& arguments) {
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
    const auto settings = config::load({argv + 1, argv + argc}, config::process_environment());
    if (!settings) return fail(2, settings.error());
    if (settings->action == config::Action::show_help) {
        say(stdout, config::usage());
        return 0;
    }
    if (settings->action == config::Action::show_version) {
        say(stdout, fmt::format("s3zipd {}\n", kVersion));
        return 0;
    }
    if (settings->action == config::Action::check_config)
        return check_config({argv + 1, argv + argc});
    base::set_log_level(settings->log_level);
    base::set_log_format(settings->log_format);
    return serve(*settings, block_signals());
}

}  // namespace
}  // namespace s3zipd

int main(int argc, char** argv) { return s3zipd::run(argc, argv); }
