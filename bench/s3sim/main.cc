// s3sim: flags in, one line out when ready, and then a server until SIGTERM or SIGINT.
#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "s3sim/numbers.h"
#include "s3sim/profile.h"
#include "s3sim/server.h"

namespace {

struct Flags {
    s3sim::Options options;
    std::vector<std::string> synthetic;
    std::vector<std::string> bucket_regions;
    std::vector<std::string> bucket_owners;
    std::string fault_file;
    std::string max_memory = "0";
    std::string bandwidth = "0";
    std::string bandwidth_host = "0";
    std::string min_part_size = "5MiB";
};

void declare(CLI::App& app, Flags& flags) {
    s3sim::Options& o = flags.options;
    o.listen = "127.0.0.1:9000";
    app.add_option("--listen", o.listen, "ADDR:PORT; port 0 takes a free one")
        ->capture_default_str();
    app.add_option("--access-key", o.access_key, "empty: who does not sign may do everything")
        ->capture_default_str();
    app.add_option("--secret-key", o.secret_key)->capture_default_str();
    app.add_option("--session-token", o.session_token, "every request must carry it");
    app.add_option("--region", o.region)->capture_default_str();
    app.add_option("--bucket-region", flags.bucket_regions,
                   "BUCKET=REGION[,301|307|400]: it is there, and so others are told (repeatable)");
    app.add_option("--root", o.root, "keep objects as files below DIR (default: in memory)");
    app.add_option("--bucket", o.buckets, "make this bucket (repeatable)");
    app.add_option("--synthetic", flags.synthetic,
                   "BUCKET=SPEC, e.g. src=challenge or b=count=9,size=1MiB (repeatable)");
    app.add_option("--synthetic-cache", o.synthetic_cache, "file that remembers computed keys");
    app.add_option("--sink", o.sinks, "bucket that checks uploads and keeps no bytes (repeatable)");
    app.add_option("--versioned", o.versioned,
                   "make this bucket and keep all versions; not with --root (repeatable)");
    app.add_option("--requester-pays", o.requester_pays,
                   "bucket that refuses who does not offer to pay (repeatable)");
    app.add_option("--bucket-owner", flags.bucket_owners,
                   "BUCKET=ACCOUNT; all others are 123456789012's (repeatable)");
    app.add_option("--like", o.like, "answer as this store does; README.md has the rules")
        ->check(CLI::IsMember(s3sim::profile_names()))
        ->capture_default_str();
    app.add_flag("--equal-parts", o.equal_parts,
                 "all parts but the last must be of one size, the last no larger");
    app.add_flag("--close-connections", o.close_connections, "after each answer");
    app.add_option("--header-rule", o.header_rules,
                   "HEADER[@OPERATION]=ignore or =STATUS,CODE[,MESSAGE], e.g. "
                   "if-match@GetObject=ignore; HEADER may end in '*' (repeatable)");
    app.add_option("--checksums", o.checksums, "checked, or what stores without them do")
        ->check(CLI::IsMember({"checked", "ignored", "refused"}))
        ->capture_default_str();
    app.add_option("--restore-ms", o.restore_ms,
                   "until a restored copy of an archived object can be read")
        ->capture_default_str();
    app.add_option("--threads", o.threads)->capture_default_str();
    app.add_option("--max-memory", flags.max_memory, "of stored bytes, e.g. 2GiB; 0: no limit")
        ->capture_default_str();
    app.add_option("--fault", o.faults,
                   "fault plan, e.g. 'UploadPart nth=3 status=503; seed=7 rate=0.02'");
    app.add_option("--fault-file", flags.fault_file, "a file with more of it, a rule a line");
    app.add_option("--latency-ms", o.latency_ms, "before the first byte of each answer")
        ->capture_default_str();
    app.add_option("--latency", o.latency,
                   "more of it: 30ms,jitter=20ms,tail=1%:3s,seed=7; p99=3s is tail=1%:3s");
    app.add_option("--bandwidth-per-connection", flags.bandwidth,
                   "bytes a second, e.g. 80MiB; 0: no limit")
        ->capture_default_str();
    app.add_option("--bandwidth-host", flags.bandwidth_host, "so for all connections together")
        ->capture_default_str();
    app.add_option("--max-requests-per-second", o.max_requests_per_second,
                   "503 SlowDown above; 0: no limit")
        ->capture_default_str();
    app.add_option("--max-reads-per-second", o.max_reads_per_second, "so for GET and HEAD")
        ->capture_default_str();
    app.add_option("--max-writes-per-second", o.max_writes_per_second,
                   "so for PUT, POST and DELETE")
        ->capture_default_str();
    app.add_option("--idle-timeout-ms", o.idle_timeout_ms,
                   "idle connections are closed after; 0: never")
        ->capture_default_str();
    app.add_option("--min-part-size", flags.min_part_size, "of all parts but the last")
        ->capture_default_str();
}

bool interpret(Flags& flags, std::string& error) {
    const auto size = [&](const char* name, const std::string& text, std::uint64_t& to) {
        const auto value = s3sim::parse_size(text);
        if (value) to = *value;
        if (!value) error = fmt::format("{}: '{}' is not a size", name, text);
        return value.has_value();
    };
    const auto pairs = [&](const char* usage, const std::vector<std::string>& items, auto& to) {
        for (const std::string& item : items) {
            const auto equals = item.find('=');
            if (equals == std::string::npos) {
                error = usage;
                return false;
            }
            to[item.substr(0, equals)] = item.substr(equals + 1);
        }
        return true;
    };
    if (!flags.fault_file.empty()) {
        std::ifstream file(flags.fault_file);
        std::ostringstream text;
        file.peek();  // a directory can be opened, but not read
        if (!file.is_open() || file.bad()) {
            error = fmt::format("--fault-file: cannot read '{}'", flags.fault_file);
            return false;
        }
        text << file.rdbuf();
        flags.options.faults += "\n" + text.str();
    }
    return pairs("--synthetic needs BUCKET=SPEC", flags.synthetic, flags.options.synthetic) &&
           pairs("--bucket-region needs BUCKET=REGION", flags.bucket_regions,
                 flags.options.bucket_regions) &&
           pairs("--bucket-owner needs BUCKET=ACCOUNT", flags.bucket_owners,
                 flags.options.bucket_owners) &&
           size("--max-memory", flags.max_memory, flags.options.max_memory_bytes) &&
           size("--bandwidth-per-connection", flags.bandwidth,
                flags.options.bandwidth_per_connection) &&
           size("--bandwidth-host", flags.bandwidth_host, flags.options.bandwidth_host) &&
           size("--min-part-size", flags.min_part_size, flags.options.min_part_size_bytes);
}

}  // namespace

int main(int argc, char** argv) {
    Flags flags;
    CLI::App app{"A small, strict S3 server for demos, tests and benchmarks"};
    declare(app, flags);
    CLI11_PARSE(app, argc, argv);
    std::string error;
    if (!interpret(flags, error)) {
        fmt::print(stderr, "s3sim: {}\n", error);
        return 2;
    }
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before the server's threads inherit it

    auto server = s3sim::Server::start(std::move(flags.options));
    if (!server) {
        fmt::print(stderr, "s3sim: {}\n", server.error().to_string());
        return 1;
    }
    fmt::print("s3sim listening on {}\n", (*server)->endpoint());
    std::fflush(stdout);
    int received = 0;
    ::sigwait(&ending, &received);
    (*server)->stop();
    return 0;
}
