// The daemon's settings, typed. Each has one row in settings.cc's table, which makes its flag
// (--part-size), its variable (S3ZIPD_PART_SIZE) and its key in the file (part_size). A flag wins
// over a variable, that over the file, that over the default.
//
// load() reads one file and nothing else of the outside world but its arguments; with the same
// ones it may be called again, on any thread, to see what has changed. Errors name the flag, the
// variable or file:line. What the SDKs are told by AWS_* variables and profiles is the engine's to
// look up, where a setting here is empty (archive/engine_settings.h). Keys are no settings: a flag
// would show in ps.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip_network.h"
#include "base/log.h"
#include "config/limits.h"
#include "config/listen_address.h"
#include "config/tokens.h"
#include "config/web_names.h"

namespace config {

enum class Action : std::uint8_t { run, show_help, show_version, check_config };
enum class Io : std::uint8_t { automatic, uring, epoll };
enum class Use : std::uint8_t { automatic, always, never };
enum class PartLayout : std::uint8_t { automatic, entries, uniform };
enum class ChecksumUse : std::uint8_t { when_supported, when_required };

struct Settings {
    Action action = Action::run;
    std::string config_file;  // the one that was read; empty: none

    std::vector<ListenAddress> listen = {{"127.0.0.1", 8420, {}}};  // at least one, all different
    unsigned unix_socket_mode = 0660;
    unsigned api_connections_max = 4'096;  // of all addresses together
    unsigned event_streams_max = 3'072;    // of them
    std::string state_dir = "/var/lib/s3zipd";

    // Who may use the API. With none of these everybody who can connect may, and `listen` is local.
    std::string tokens_file;                         // config/tokens.h
    std::optional<Sha256Digest> admin_token_sha256;  // of a token that may do everything
    std::string tls_certificate;                     // PEM file, of the chain; needs tls_key
    std::string tls_key;                             // PEM file
    std::string tls_client_ca;                       // PEM file; needs tls_certificate
    std::vector<WebHost> allowed_hosts;      // more names of this machine, for the header Host
    std::vector<WebOrigin> allowed_origins;  // of pages from elsewhere that may use the API

    Io io = Io::automatic;
    unsigned reactors = 0;  // 0: one per core
    std::uint64_t memory_bytes = 256 * kMiB;
    std::uint64_t part_size_bytes = 0;  // 0: chosen by the planner
    unsigned connections_max = 128;     // to S3, per reactor

    // Budgets, of all reactors together; 0: no limit.
    std::uint64_t job_memory_bytes = 0;      // part memory of one job
    std::uint64_t plan_memory_bytes = kGiB;  // of the plan of one job; never 0
    unsigned job_connections_max = 0;        // requests under way of one job
    unsigned requests_per_second = 0;        // of all jobs
    unsigned job_requests_per_second = 0;    // of one job

    base::LogLevel log_level = base::LogLevel::info;
    base::LogFormat log_format = base::LogFormat::text;

    std::string addressing = "auto";  // auto | path | virtual
    Use conditional_writes = Use::automatic;
    Use hedged_uploads = Use::automatic;
    PartLayout part_layout = PartLayout::automatic;  // of jobs that do not choose one
    bool no_sign_request = false;                    // requests to S3 without credentials
    // Empty: what AWS_* variables and the profile say.
    std::string region;
    std::string endpoint_url;  // http(s)://host[:port]
    std::optional<bool> dual_stack;
    std::optional<ChecksumUse> checksums;
    std::string ca_bundle;  // PEM file
    std::string profile;

    unsigned jobs_running_max = 64;
    unsigned jobs_queued_max = 10'000;
    unsigned jobs_kept_max = 10'000;  // ended ones
    unsigned jobs_kept_days = 30;     // 0: no limit
    unsigned drain_seconds = 20;      // for jobs under way when it is stopped
    unsigned sweep_seconds = 3'600;
    unsigned sweep_grace_seconds = 3'600;

    std::string notify_secret_file;             // empty: one is made in state_dir
    std::vector<base::IpNetwork> notify_allow;  // though webhooks would not go there

    std::vector<std::string> warnings;  // to be logged once the log is set up

    // What was said, by name of the setting (part-size), and where: sizes in their shortest
    // spelling, all else as it was written.
    struct Given {
        std::string text;
        std::string place;  // "--part-size", "S3ZIPD_PART_SIZE", "s3zipd.toml:12: part_size"
        bool operator==(const Given&) const = default;
    };
    std::map<std::string, Given, std::less<>> given;

    bool operator==(const Settings&) const = default;
};

using Environment = std::map<std::string, std::string>;
Environment process_environment();

inline constexpr const char* kDefaultConfigFile = "/etc/s3zipd/s3zipd.toml";

// Only the first error is told; config/check.h tells all. With --help, --version or --check-config
// among the arguments, only `action` is set.
base::Result<Settings> load(const std::vector<std::string>& arguments,
                            const Environment& environment,
                            const std::string& default_file = kDefaultConfigFile);

// Keys (part_size) of the settings that differ and are read at start only, in the order of --help.
// The others may be taken over while the daemon runs.
std::vector<std::string> changed_needing_restart(const Settings& before, const Settings& now);

std::string usage();  // what --help prints

}  // namespace config
