#include "config/settings_table.h"

#include <array>

#include "config/values.h"

namespace config {
namespace {

std::string set_io(Settings& s, std::string_view text) {
    if (text == "auto") {
        s.io = Io::automatic;
    } else if (text == "uring") {
        s.io = Io::uring;
    } else if (text == "epoll") {
        s.io = Io::epoll;
    } else {
        return "must be uring, epoll or auto";
    }
    return {};
}
std::string set_log_level(Settings& s, std::string_view text) {
    return base::parse_log_level(text, s.log_level) ? "" : "must be debug, info, warn or error";
}
std::string set_log_format(Settings& s, std::string_view text) {
    if (text != "text" && text != "json") return "must be text or json";
    s.log_format = text == "json" ? base::LogFormat::json : base::LogFormat::text;
    return {};
}
std::string set_addressing(Settings& s, std::string_view text) {
    if (text != "auto" && text != "path" && text != "virtual")
        return "must be auto, path or virtual";
    s.addressing = text;
    return {};
}
std::string set_part_size(Settings& s, std::string_view text) {
    if (text == "0") {
        s.part_size_bytes = 0;
        return {};
    }
    return read_size(text, kPartSizeMin, kPartSizeMax, s.part_size_bytes);
}

constexpr std::array kSettings = {
    Setting{"listen", "ADDR:PORT", Kind::text,
            "where the REST API listens (127.0.0.1:8420; port 0: any)",
            [](Settings& s, std::string_view t) {
                return read_listen(t, s.listen_address, s.listen_port);
            }},
    Setting{"state-dir", "DIR", Kind::text, "where the journal of the jobs is (/var/lib/s3zipd)",
            [](Settings& s, std::string_view t) { return read_absolute_path(t, s.state_dir); }},
    Setting{"io", "uring|epoll|auto", Kind::text,
            "how sockets are driven (auto: io_uring if the kernel lets us)", set_io},
    Setting{"reactors", "N", Kind::number, "threads that move data (0: one per core)",
            [](Settings& s, std::string_view t) { return read_number(t, 0, 256, s.reactors); }},
    Setting{"memory", "SIZE", Kind::size, "part memory of all reactors together (256MiB)",
            [](Settings& s, std::string_view t) {
                return read_size(t, 16 * kMiB, 1024 * kGiB, s.memory_bytes);
            }},
    Setting{"part-size", "SIZE", Kind::size,
            "target size of a part, 5MiB to 5GiB (0: chosen for each archive)", set_part_size},
    Setting{"connections", "N", Kind::number, "connections to S3, per reactor (128)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 4'096, s.connections_max);
            }},
    Setting{"log-level", "LEVEL", Kind::text, "debug, info, warn or error (info)", set_log_level},
    Setting{"log-format", "FORMAT", Kind::text, "text or json (text)", set_log_format},
    Setting{"region", "NAME", Kind::text, "S3 region (AWS_REGION, the profile's, us-east-1)",
            [](Settings& s, std::string_view t) { return read_region(t, s.region); }},
    Setting{"endpoint-url", "URL", Kind::text,
            "S3 endpoint, http(s)://host[:port] (AWS_ENDPOINT_URL_S3, ..., AWS)",
            [](Settings& s, std::string_view t) { return read_endpoint(t, s.endpoint_url); }},
    Setting{"addressing", "HOW", Kind::text,
            "auto, path (host/bucket) or virtual (bucket.host) (auto)", set_addressing},
    Setting{"ca-bundle", "FILE", Kind::text,
            "PEM file of trusted CAs (AWS_CA_BUNDLE, the system's)",
            [](Settings& s, std::string_view t) { return read_existing_file(t, s.ca_bundle); }},
    Setting{"dualstack", "true|false", Kind::flag,
            "AWS's endpoints for IPv4 and IPv6 (AWS_USE_DUALSTACK_ENDPOINT, false)",
            [](Settings& s, std::string_view t) { return read_flag(t, s.dual_stack); }},
    Setting{"profile", "NAME", Kind::text,
            "of the AWS files; its keys then win over AWS_* variables (AWS_PROFILE, default)",
            [](Settings& s, std::string_view t) { return read_profile(t, s.profile); }},
    Setting{"jobs-running-max", "N", Kind::number, "jobs at work at once (64)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 1'000, s.jobs_running_max);
            }},
    Setting{"jobs-queued-max", "N", Kind::number, "jobs waiting; more are told 429 (10000)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 1'000'000, s.jobs_queued_max);
            }},
    Setting{"jobs-kept-max", "N", Kind::number, "ended jobs remembered (10000)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 1'000'000, s.jobs_kept_max);
            }},
    Setting{"jobs-kept-days", "N", Kind::number, "and for how long (30; 0: whatever their age)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 0, 36'500, s.jobs_kept_days);
            }},
    Setting{
        "drain-seconds", "N", Kind::number,
        "when stopped, how long jobs may go on; the rest resumes at the next start (20)",
        [](Settings& s, std::string_view t) { return read_number(t, 0, 86'400, s.drain_seconds); }},
    Setting{
        "sweep-seconds", "N", Kind::number,
        "how often uploads that no job owns any more are looked for (3600)",
        [](Settings& s, std::string_view t) { return read_number(t, 1, 86'400, s.sweep_seconds); }},
    Setting{"sweep-grace-seconds", "N", Kind::number,
            "how old those are whose id was never learnt (3600, at least 300)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 300, 864'000, s.sweep_grace_seconds);
            }},
    Setting{"notify-secret-file", "FILE", Kind::text,
            "its first line signs webhooks (notify.secret in --state-dir, made once)",
            [](Settings& s, std::string_view t) {
                return read_existing_file(t, s.notify_secret_file);
            }},
    Setting{"notify-allow", "NETWORKS", Kind::text,
            "where webhooks may go all the same, such as 127.0.0.0/8,::1/128 (nowhere)",
            [](Settings& s, std::string_view t) { return read_networks(t, s.notify_allow); }},
};

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

std::string key_of(const Setting& setting) {
    std::string key(setting.name);
    for (char& c : key) c = c == '-' ? '_' : c;
    return key;
}

std::string variable_of(const Setting& setting) {
    std::string variable = "S3ZIPD_" + key_of(setting);
    for (char& c : variable) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return variable;
}

}  // namespace config
