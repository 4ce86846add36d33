#include "daemon/daemon.h"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "archive/engine.h"
#include "base/log.h"
#include "config/limits.h"
#include "config/tokens.h"
#include "daemon/access.h"
#include "daemon/api.h"
#include "daemon/api_json.h"
#include "daemon/engine_adapter.h"
#include "daemon/job_service.h"
#include "daemon/journal.h"
#include "daemon/notifier.h"
#include "daemon/notify_secret.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

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

std::optional<TlsFiles> tls_files(const config::Settings& settings) {
    if (settings.tls_certificate.empty()) return std::nullopt;
    return TlsFiles{settings.tls_certificate, settings.tls_key, settings.tls_client_ca};
}

base::Result<std::vector<config::TokenEntry>> tokens_of(const config::Settings& settings) {
    if (settings.tokens_file.empty()) return std::vector<config::TokenEntry>();
    return config::read_tokens(settings.tokens_file);
}

bool has_succeeded(const JournaledJob& job) {
    return job.end && job.end->snapshot.state == archive::JobState::succeeded;
}

void log_start(const config::Settings& s, const archive::EngineStats& stats, const Access& access) {
    base::log_info("s3zipd starts", {{"version", kVersion},
                                     {"config", s.config_file.empty() ? "none" : s.config_file},
                                     {"io", stats.io},
                                     {"reactors", stats.reactors},
                                     {"memory", s.memory_bytes},
                                     {"jobs_running_max", s.jobs_running_max},
                                     {"tokens", access.needs_token() ? "needed" : "none"}});
    for (const auto& warning : s.warnings) base::log_warn(warning);
}

}  // namespace

// Each may be used by those below it, to their end.
struct Daemon::Parts {
    config::Settings settings;
    std::unique_ptr<Journal> journal;        // the engine's jobs write to it to the last
    std::unique_ptr<EngineAdapter> adapter;  // the engine's threads may be calling it
    std::unique_ptr<archive::Engine> engine;
    Access access;
    std::unique_ptr<JobService> jobs;
    std::shared_ptr<Notifier> notifier;
    std::unique_ptr<ApiServer> api;

    base::Status make_engine(const std::vector<JournaledJob>& before);
    base::Status tell_ends();
    base::Status listen(std::vector<int> inherited);
};

base::Status Daemon::Parts::make_engine(const std::vector<JournaledJob>& before) {
    auto config = engine_config(settings);
    config.endpoint_has_answered =
        std::ranges::any_of(before, has_succeeded) || !journal->known_upload_ids().empty();
    auto made = archive::Engine::create(std::move(config));
    if (!made) return std::unexpected(made.error());
    engine = std::move(*made);
    adapter = std::make_unique<EngineAdapter>(*engine);
    return {};
}

// Webhooks. The jobs hold the notifier, too: it lives as long as they do.
base::Status Daemon::Parts::tell_ends() {
    auto secret = notify_secret(settings.notify_secret_file, settings.state_dir);
    if (!secret) return std::unexpected(secret.error());
    auto started = Notifier::start(
        {.secret = std::move(*secret),
         .ca_bundle = settings.ca_bundle,
         .allowed = settings.notify_allow},
        [&to = *jobs](const Outcome& outcome) {
            const bool later = !outcome.delivered && !outcome.given_up && !outcome.pending;
            to.noticed(outcome.job_id, {outcome.attempts, outcome.delivered, outcome.given_up},
                       later);
        });
    if (!started) return std::unexpected(started.error());
    notifier = std::move(*started);
    jobs->set_notify(
        [held = notifier](const JobView& job, unsigned attempts) {
            held->post({job.id, job.job->request().notify_url,
                        job_json(job, config::kObjectsShownInListsMax), attempts});
        },
        [held = notifier](const std::string& url) { return held->check(url); });
    return {};
}

base::Status Daemon::Parts::listen(std::vector<int> inherited) {
    const auto tokens = tokens_of(settings);
    if (!tokens) return std::unexpected(tokens.error());
    access.replace(*tokens, settings.admin_token_sha256);
    access.set_web_rules({settings.allowed_hosts, settings.allowed_origins});
    ApiSettings how{.listen = settings.listen,
                    .unix_mode = settings.unix_socket_mode,
                    .inherited = std::move(inherited),
                    .tls = tls_files(settings)};
    how.limits.connections_max = settings.api_connections_max;
    how.limits.event_streams_max = settings.event_streams_max;
    auto listening = ApiServer::listen(how, *jobs, *adapter, access);
    if (!listening) return std::unexpected(listening.error());
    api = std::move(*listening);
    return {};
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Daemon::~Daemon() = default;

base::Result<std::unique_ptr<Daemon>> Daemon::start(const config::Settings& settings,
                                                    std::vector<int> inherited) {
    auto parts = std::make_unique<Parts>();
    parts->settings = settings;
    auto journal = Journal::open(settings.state_dir);
    if (!journal) return std::unexpected(journal.error());
    parts->journal = std::move(*journal);
    auto before = parts->journal->load();
    if (!before) return std::unexpected(before.error());
    if (auto made = parts->make_engine(*before); !made) return std::unexpected(made.error());
    parts->jobs = std::make_unique<JobService>(*parts->adapter, *parts->journal,
                                               job_limits(settings), base::system_clock());
    if (auto telling = parts->tell_ends(); !telling) return std::unexpected(telling.error());
    parts->jobs->restore(std::move(*before));
    if (auto open = parts->listen(std::move(inherited)); !open)
        return std::unexpected(open.error());
    parts->jobs->begin();
    log_start(settings, parts->engine->stats(), parts->access);
    return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

const std::vector<std::string>& Daemon::urls() const { return parts_->api->urls(); }

// Also takes the lock of the jobs, without which nothing goes on.
bool Daemon::is_alive() const {
    parts_->jobs->counts();
    return parts_->api->answers(config::kAliveTimeout);
}

base::Status Daemon::reload(const config::Settings& settings) {
    const auto tokens = tokens_of(settings);
    if (!tokens) return std::unexpected(tokens.error());
    const bool open = tokens->empty() && !settings.admin_token_sha256;
    if (open && parts_->access.needs_token()) {
        return base::fail(base::ErrorKind::invalid, "bad_setting",
                          "without tokens everybody could use the API: that needs a restart");
    }
    // The files that were named at the start: others need a restart.
    if (const auto files = tls_files(parts_->settings)) {
        if (auto loaded = parts_->api->reload_tls(*files); !loaded) return loaded;
    }
    for (const std::string& key : config::changed_needing_restart(parts_->settings, settings))
        base::log_warn("setting needs a restart", {{"setting", key}});
    parts_->access.replace(*tokens, settings.admin_token_sha256);
    parts_->access.set_web_rules({settings.allowed_hosts, settings.allowed_origins});
    base::set_log_level(settings.log_level);
    parts_->jobs->set_limits(job_limits(settings));
    parts_->engine->set_request_rates(settings.requests_per_second,
                                      settings.job_requests_per_second);
    parts_->notifier->set_allowed(settings.notify_allow);
    for (const auto& warning : settings.warnings) base::log_warn(warning);
    return {};
}

void Daemon::begin_stopping() { parts_->api->begin_stopping(); }

bool Daemon::drain(std::chrono::milliseconds timeout) { return parts_->jobs->drain(timeout); }

void Daemon::stop(bool drained) {
    if (!drained && !parts_->jobs->park(config::kStopJobsTimeout))
        base::log_warn("some jobs have not let go; they resume all the same");
    parts_->api->stop(config::kStopApiTimeout);
    parts_->api.reset();
    // The jobs hold the notifier, too, and end it: it tells them how its webhooks fare.
    parts_->notifier.reset();
    parts_->jobs.reset();  // its thread may be asking the engine for something
    parts_->engine.reset();
}

}  // namespace s3zipd
