// daemon_kill_runs: daemons that are killed in the middle of their work and come back. A seed draws
// the jobs, the day S3 has, and the moments; what must hold after it is in kill_run.h. Run by ctest
// with some seeds and by ./dev kill-runs with 300.
//
//   daemon_kill_runs [--seeds FIRST-LAST] [--io uring|epoll|both] [--tls] [--keep-logs DIR]
//
// Says what of the promises was broken, with the line that repeats it and the daemon's logs (in a
// file of DIR, if there is one), and exits 1.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kill_run.h"

namespace s3zipd {
namespace {

constexpr std::size_t kThreads = 4;  // mostly they wait: for S3, and for daemons to start
#if __has_feature(address_sanitizer)
constexpr std::string_view kSanitized = " --asan";
#else
constexpr std::string_view kSanitized;
#endif

struct Choice {
    std::uint64_t first = 1, last = 10;
    std::vector<std::string> io = {"uring", "epoll"};
    bool tls = false;
    std::string logs;
};

struct Tally {
    std::mutex mutex;
    unsigned passed = 0, failed = 0, pulls = 0, jobs = 0, cancelled = 0, deliveries = 0;
};

void report_failure(const Choice& choice, std::uint64_t seed, const std::string& io,
                    const KillReport& report) {
    const KillScenario scenario = draw_scenario(seed);
    std::string pulls;
    for (const Life& life : scenario.lives)
        pulls += life.pull ? "\n  life: " + life.pull->to_string() : "";
    fmt::print("seed {}, {}{}:\n  {}{}\n  repeat: ./dev kill-runs{} --seeds {}-{} --io {}{}\n",
               seed, io, choice.tls ? ", TLS" : "", fmt::join(report.broken, "\n  "), pulls,
               kSanitized, seed, seed, io, choice.tls ? " --tls" : "");
    if (choice.logs.empty()) {
        fmt::print("{}", report.logs);
    } else {
        const std::string path =
            fmt::format("{}/seed-{}-{}{}.log", choice.logs, seed, io, choice.tls ? "-tls" : "");
        if (std::FILE* file = std::fopen(path.c_str(), "we")) {
            std::fwrite(report.logs.data(), 1, report.logs.size(), file);
            std::fclose(file);
            fmt::print("  logs: {}\n", path);
        }
    }
    std::fflush(stdout);
}

void run_one(const Choice& choice, std::uint64_t seed, const std::string& io, Tally& tally) {
    const KillReport report = KillRun(draw_scenario(seed), io, choice.tls).play();
    const std::scoped_lock lock(tally.mutex);
    tally.pulls += report.pulls;
    tally.jobs += report.jobs;
    tally.cancelled += report.cancelled;
    tally.deliveries += report.deliveries;
    ++(report.broken.empty() ? tally.passed : tally.failed);
    if (!report.broken.empty()) report_failure(choice, seed, io, report);
}

bool parse_number(std::string_view text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

bool parse_io(std::string_view text, std::vector<std::string>& io) {
    if (text == "uring" || text == "epoll") io = {std::string(text)};
    return text == "uring" || text == "epoll" || text == "both";
}

std::optional<Choice> parse(int argc, char** argv) {
    Choice choice;
    if (const char* only = std::getenv("S3ZIPD_TEST_IO")) (void)parse_io(only, choice.io);
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--tls") {
            choice.tls = true;
            continue;
        }
        if (++i == argc) return std::nullopt;
        const std::string_view value = argv[i];
        bool good = true;
        if (option == "--seeds") {
            const auto dash = value.find('-');
            good = dash != std::string_view::npos &&
                   parse_number(value.substr(0, dash), choice.first) &&
                   parse_number(value.substr(dash + 1), choice.last) && choice.first <= choice.last;
        } else if (option == "--io") {
            good = parse_io(value, choice.io);
        } else if (option == "--keep-logs") {
            choice.logs = value;
        } else {
            good = false;
        }
        if (!good) return std::nullopt;
    }
    return choice;
}

int run_all(const Choice& choice) {
    Tally tally;
    const auto begin = std::chrono::steady_clock::now();
    const std::size_t per_seed = choice.io.size();
    const std::size_t count = (choice.last - choice.first + 1) * per_seed;
    std::atomic<std::size_t> next{0};
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < std::min(kThreads, count); ++t) {
            threads.emplace_back([&] {
                for (std::size_t i = next++; i < count; i = next++)
                    run_one(choice, choice.first + i / per_seed, choice.io[i % per_seed], tally);
            });
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    fmt::print(
        "{} passed, {} failed; {} jobs, {} of them cancelled; the daemon was ended {} times; "
        "{} notifications; {:.1f} s\n",
        tally.passed, tally.failed, tally.jobs, tally.cancelled, tally.pulls, tally.deliveries,
        took.count());
    return tally.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace s3zipd

int main(int argc, char** argv) {
    const auto choice = s3zipd::parse(argc, argv);
    if (!choice) {
        fmt::print(stderr,
                   "usage: daemon_kill_runs [--seeds FIRST-LAST] [--io uring|epoll|both] [--tls] "
                   "[--keep-logs DIR]\n");
        return 2;
    }
    return s3zipd::run_all(*choice);
}
