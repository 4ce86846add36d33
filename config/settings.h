// The daemon's settings, typed. Each has one row in settings.cc's table, which makes its flag
// (--part-size), its variable (S3ZIPD_PART_SIZE) and its key in the file (part_size). A flag wins
// over a variable, that over the file, that over the default.
//
// load() is called once, before threads. It reads one file and nothing else of the outside world
// but its arguments. Errors name the flag, the variable or file:line. What the SDKs are told by
// AWS_* variables and profiles is the engine's to look up, where a setting here is empty
// (archive/engine_settings.h). Keys are no settings: a flag would show in ps.
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

namespace config {

enum class Action : std::uint8_t { run, show_help, show_version };
enum class Io : std::uint8_t { automatic, uring, epoll };

struct Settings {
    Action action = Action::run;
    std::string config_file;  // the one that was read; empty: none

    std::string listen_address = "127.0.0.1";  // an IP address, IPv6 without brackets
    std::uint16_t listen_port = 8420;          // 0: any free one
    std::string state_dir = "/var/lib/s3zipd";

    Io io = Io::automatic;
    unsigned reactors = 0;  // 0: one per core
    std::uint64_t memory_bytes = 256 * kMiB;
    std::uint64_t part_size_bytes = 0;  // 0: chosen by the planner
    unsigned connections_max = 128;     // to S3, per reactor

    base::LogLevel log_level = base::LogLevel::info;
    base::LogFormat log_format = base::LogFormat::text;

    std::string addressing = "auto";  // auto | path | virtual
    // Empty: what AWS_* variables and the profile say.
    std::string region;
    std::string endpoint_url;  // http(s)://host[:port]
    std::optional<bool> dual_stack;
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
};

using Environment = std::map<std::string, std::string>;
Environment process_environment();

inline constexpr const char* kDefaultConfigFile = "/etc/s3zipd/s3zipd.toml";

base::Result<Settings> load(const std::vector<std::string>& arguments,
                            const Environment& environment,
                            const std::string& default_file = kDefaultConfigFile);

std::string usage();  // what --help prints

}  // namespace config
