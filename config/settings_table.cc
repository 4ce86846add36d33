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
std::string read_use(std::string_view text, Use& out) {
    if (text == "auto") {
        out = Use::automatic;
    } else if (text == "always") {
        out = Use::always;
    } else if (text == "never") {
        out = Use::never;
    } else {
        return "must be auto, always or never";
    }
    return {};
}
std::string set_part_layout(Settings& s, std::string_view text) {
    if (text == "auto") {
        s.part_layout = PartLayout::automatic;
    } else if (text == "entries") {
        s.part_layout = PartLayout::entries;
    } else if (text == "uniform") {
        s.part_layout = PartLayout::uniform;
    } else {
        return "must be auto, entries or uniform";
    }
    return {};
}
std::string set_checksums(Settings& s, std::string_view text) {
    if (text != "when_supported" && text != "when_required")
        return "must be when_supported or when_required";
    s.checksums =
        text == "when_required" ? ChecksumUse::when_required : ChecksumUse::when_supported;
    return {};
}
std::string set_no_sign_request(Settings& s, std::string_view text) {
    std::optional<bool> flag;
    std::string wrong = read_flag(text, flag);
    s.no_sign_request = flag.value_or(s.no_sign_request);
    return wrong;
}
std::string set_part_size(Settings& s, std::string_view text) {
    if (text == "0") {
        s.part_size_bytes = 0;
        return {};
    }
    return read_size(text, kPartSizeMin, kPartSizeMax, s.part_size_bytes);
}

std::string set_job_memory(Settings& s, std::string_view text) {
    if (text == "0") {
        s.job_memory_bytes = 0;
        return {};
    }
    return read_size(text, kMiB, 1024 * kGiB, s.job_memory_bytes);
}

std::string read_tokens_file(std::string_view text, std::string& out) {
    std::string path;
    if (!text.empty()) {
        if (auto wrong = read_absolute_path(text, path); !wrong.empty()) return wrong;
    }
    return read_existing_file(path, out);
}

std::string set_admin_token(Settings& s, std::string_view text) {
    if (text.empty()) {
        s.admin_token_sha256.reset();
        return {};
    }
    Sha256Digest digest{};
    std::string wrong = read_sha256(text, digest);
    if (wrong.empty()) s.admin_token_sha256 = digest;
    return wrong;
}

constexpr bool kReloadable = true;
constexpr bool kRestart = false;

constexpr std::array kSettings = {
    Setting{"listen", "ADDRESS,...", Kind::text, "127.0.0.1:8420", kRestart,
            "where the REST API listens: ADDR:PORT or unix:/PATH (127.0.0.1:8420; port 0: any)",
            [](Settings& s, std::string_view t) { return read_listen(t, s.listen); }},
    Setting{"unix-socket-mode", "MODE", Kind::text, "0660", kRestart,
            "of Unix sockets of --listen, in octal (0660)",
            [](Settings& s, std::string_view t) { return read_mode(t, s.unix_socket_mode); }},
    Setting{"api-connections", "N", Kind::number, "4096", kRestart,
            "connections to the API; more are told 503 (4096)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 16, 100'000, s.api_connections_max);
            }},
    Setting{"event-streams", "N", Kind::number, "3072", kRestart,
            "how many of them may be streams of events (3072)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 100'000, s.event_streams_max);
            }},
    Setting{"tokens-file", "FILE", Kind::text, "", kReloadable,
            "who may use the API, and for what (everybody, if --listen is local)",
            [](Settings& s, std::string_view t) { return read_tokens_file(t, s.tokens_file); }},
    Setting{"admin-token-sha256", "HEX", Kind::digest, "", kReloadable,
            "SHA-256 of a token that may do everything: printf %s TOKEN | sha256sum",
            set_admin_token},
    Setting{
        "tls-certificate", "FILE", Kind::text, "", kRestart,
        "PEM file of the API's certificate and its chain; needs --tls-key (plain HTTP)",
        [](Settings& s, std::string_view t) { return read_existing_file(t, s.tls_certificate); }},
    Setting{"tls-key", "FILE", Kind::text, "", kRestart, "PEM file of its private key",
            [](Settings& s, std::string_view t) { return read_existing_file(t, s.tls_key); }},
    Setting{"tls-client-ca", "FILE", Kind::text, "", kRestart,
            "PEM file of CAs whose client certificates are believed (none)",
            [](Settings& s, std::string_view t) { return read_existing_file(t, s.tls_client_ca); }},
    Setting{
        "allowed-hosts", "NAMES", Kind::text, "", kReloadable,
        "more names of this machine for the header Host, which counts without tokens (loopback's)",
        [](Settings& s, std::string_view t) { return read_web_hosts(t, s.allowed_hosts); }},
    Setting{"allowed-origins", "ORIGINS", Kind::text, "", kReloadable,
            "web pages that may use the API (CORS), such as https://ui.example (its own only)",
            [](Settings& s, std::string_view t) { return read_web_origins(t, s.allowed_origins); }},
    Setting{"state-dir", "DIR", Kind::text, "/var/lib/s3zipd", kRestart,
            "where the journal of the jobs is (/var/lib/s3zipd)",
            [](Settings& s, std::string_view t) { return read_absolute_path(t, s.state_dir); }},
    Setting{"io", "uring|epoll|auto", Kind::text, "auto", kRestart,
            "how sockets are driven (auto: io_uring if the kernel lets us)", set_io},
    Setting{"reactors", "N", Kind::number, "0", kRestart,
            "threads that move data (0: one per core)",
            [](Settings& s, std::string_view t) { return read_number(t, 0, 256, s.reactors); }},
    Setting{"memory", "SIZE", Kind::size, "256MiB", kRestart,
            "part memory of all reactors together (256MiB)",
            [](Settings& s, std::string_view t) {
                return read_size(t, 16 * kMiB, 1024 * kGiB, s.memory_bytes);
            }},
    Setting{"part-size", "SIZE", Kind::size, "0", kRestart,
            "target size of a part, 5MiB to 5GiB (0: chosen for each archive)", set_part_size},
    Setting{"connections", "N", Kind::number, "128", kRestart,
            "connections to S3, per reactor (128)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 4'096, s.connections_max);
            }},
    Setting{"job-memory", "SIZE", Kind::size, "0", kRestart,
            "part memory one job may hold at once (0: all)", set_job_memory},
    Setting{"plan-memory", "SIZE", Kind::size, "1GiB", kRestart,
            "memory for the plan of one job; some 300 bytes an object (1GiB)",
            [](Settings& s, std::string_view t) {
                return read_size(t, kMiB, 1024 * kGiB, s.plan_memory_bytes);
            }},
    Setting{"job-connections", "N", Kind::number, "0", kRestart,
            "requests under way for one job, all reactors together (0: no limit)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 0, 1'000'000, s.job_connections_max);
            }},
    Setting{"request-rate", "N", Kind::number, "0", kReloadable,
            "requests to S3 a second, all jobs together (0: what S3 takes)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 0, 1'000'000, s.requests_per_second);
            }},
    Setting{"job-request-rate", "N", Kind::number, "0", kReloadable,
            "requests to S3 a second, of each job (0: no limit)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 0, 1'000'000, s.job_requests_per_second);
            }},
    Setting{"log-level", "LEVEL", Kind::text, "info", kReloadable,
            "debug, info, warn or error (info)", set_log_level},
    Setting{"log-format", "FORMAT", Kind::text, "text", kRestart, "text or json (text)",
            set_log_format},
    Setting{"region", "NAME", Kind::text, "", kRestart,
            "S3 region (AWS_REGION, the profile's, us-east-1)",
            [](Settings& s, std::string_view t) { return read_region(t, s.region); }},
    Setting{"endpoint-url", "URL", Kind::text, "", kRestart,
            "S3 endpoint, http(s)://host[:port] (AWS_ENDPOINT_URL_S3, ..., AWS)",
            [](Settings& s, std::string_view t) { return read_endpoint(t, s.endpoint_url); }},
    Setting{"addressing", "HOW", Kind::text, "auto", kRestart,
            "auto, path (host/bucket) or virtual (bucket.host) (auto)", set_addressing},
    Setting{"checksums", "WHEN", Kind::text, "", kRestart,
            "when_supported, when_required (AWS_REQUEST_CHECKSUM_CALCULATION, ..., when_supported)",
            set_checksums},
    Setting{"conditional-writes", "HOW", Kind::text, "auto", kRestart,
            "If-None-Match for overwrite: false: auto, always or never (auto)",
            [](Settings& s, std::string_view t) { return read_use(t, s.conditional_writes); }},
    Setting{"hedged-uploads", "HOW", Kind::text, "auto", kRestart,
            "send a late part a second time: auto (to AWS only), always or never (auto)",
            [](Settings& s, std::string_view t) { return read_use(t, s.hedged_uploads); }},
    Setting{"part-layout", "HOW", Kind::text, "auto", kRestart,
            "where parts end: auto, entries, or uniform (parts of one size) (auto)",
            set_part_layout},
    Setting{"no-sign-request", "true|false", Kind::flag, "false", kRestart,
            "requests to S3 without credentials, for public buckets (false)", set_no_sign_request},
    Setting{"ca-bundle", "FILE", Kind::text, "", kRestart,
            "PEM file of trusted CAs (AWS_CA_BUNDLE, the system's)",
            [](Settings& s, std::string_view t) { return read_existing_file(t, s.ca_bundle); }},
    Setting{"dualstack", "true|false", Kind::flag, "", kRestart,
            "AWS's endpoints for IPv4 and IPv6 (AWS_USE_DUALSTACK_ENDPOINT, false)",
            [](Settings& s, std::string_view t) { return read_flag(t, s.dual_stack); }},
    Setting{"profile", "NAME", Kind::text, "", kRestart,
            "of the AWS files; its keys then win over AWS_* variables (AWS_PROFILE, default)",
            [](Settings& s, std::string_view t) { return read_profile(t, s.profile); }},
    Setting{"jobs-running-max", "N", Kind::number, "64", kReloadable, "jobs at work at once (64)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 1, 1'000, s.jobs_running_max);
            }},
    Setting{"jobs-queued-max", "N", Kind::number, "10000", kReloadable,
            "jobs waiting; more are told 429 (10000)",
            [](Settings& s,
               std::string_view t) { return read_number(t, 1, 1'000'000, s.jobs_queued_max); }},
    Setting{"jobs-kept-max", "N", Kind::number, "10000", kReloadable,
            "ended jobs remembered (10000)",
            [](Settings& s,
               std::string_view t) { return read_number(t, 1, 1'000'000, s.jobs_kept_max); }},
    Setting{"jobs-kept-days", "N", Kind::number, "30", kReloadable,
            "and for how long (30; 0: whatever their age)",
            [](Settings& s,
               std::string_view t) { return read_number(t, 0, 36'500, s.jobs_kept_days); }},
    Setting{
        "drain-seconds", "N", Kind::number, "20", kRestart,
        "when stopped, how long jobs may go on; the rest resumes at the next start (20)",
        [](Settings& s, std::string_view t) { return read_number(t, 0, 86'400, s.drain_seconds); }},
    Setting{
        "sweep-seconds", "N", Kind::number, "3600", kRestart,
        "how often uploads that no job owns any more are looked for (3600)",
        [](Settings& s, std::string_view t) { return read_number(t, 1, 86'400, s.sweep_seconds); }},
    Setting{"sweep-grace-seconds", "N", Kind::number, "3600", kRestart,
            "how old those are whose id was never learnt (3600, at least 300)",
            [](Settings& s, std::string_view t) {
                return read_number(t, 300, 864'000, s.sweep_grace_seconds);
            }},
    Setting{"notify-secret-file", "FILE", Kind::text, "", kRestart,
            "its first line signs webhooks (notify.secret in --state-dir, made once)",
            [](Settings& s, std::string_view t) {
                return read_existing_file(t, s.notify_secret_file);
            }},
    Setting{"notify-allow", "NETWORKS", Kind::text, "", kReloadable,
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
