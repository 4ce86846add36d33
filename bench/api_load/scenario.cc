#include "bench/api_load/scenario.h"

#include <fmt/format.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <thread>

#include "bench/api_load/certificate.h"
#include "bench/api_load/child.h"
#include "bench/api_load/honest.h"
#include "s3sim/server.h"

namespace api_load {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kClientsOfOneProcess = 10'000;
constexpr std::uint32_t kAddressesOfOneProcess = 16;
constexpr std::size_t kJobs = 50;
const std::string kToken = "api-load-token";

struct Part {
    Behaviour behaviour;
    std::size_t clients, opens_per_second;
    std::size_t jobs = kJobs;
};

// Handshakes cost who attacks as much as who is attacked, so over TLS they come at another rate.
std::vector<Part> parts_of(const std::string& name, const Setup& setup) {
    const std::size_t share = setup.small ? 10 : 1;
    const std::size_t rate = setup.tls ? 1'000 : 5'000;
    const std::vector<Part> half_open{{Behaviour::half_open, 20'000 / share, rate}};
    const std::vector<Part> slowloris{{Behaviour::slowloris, 2'000 / share, rate / 2}};
    const std::vector<Part> big_headers{{Behaviour::big_headers, 200 / share, 200}};
    const std::vector<Part> slow_bodies{{Behaviour::slow_bodies, 1'000 / share, rate / 2}};
    const std::vector<Part> slow_readers{{Behaviour::slow_readers, 2'000 / share, rate / 10}};
    const std::vector<Part> events{{Behaviour::events, 2'000 / share, 500}};
    if (name == "quiet") return {};
    if (name == "half-open") return half_open;
    if (name == "slowloris") return slowloris;
    if (name == "big-headers") return big_headers;
    if (name == "slow-bodies") return slow_bodies;
    if (name == "slow-readers") return slow_readers;
    if (name == "events-50") return events;
    if (name == "events-1") return {{Behaviour::events, 2'000 / share, 500, 1}};
    std::vector<Part> all;
    for (const auto& part : {half_open, slowloris, big_headers, slow_bodies, slow_readers, events})
        all.push_back(part.front());
    return all;
}

// The daemon with what it needs: an S3, a state directory, jobs that run all the time.
class Stage {
  public:
    explicit Stage(const Setup& setup);
    bool is_up() const { return target_.port != 0 && jobs_.size() == kJobs; }
    const Target& target() const { return target_; }
    const std::vector<std::string>& jobs() const { return jobs_; }
    Child& daemon() { return *daemon_; }
    std::string log() {
        said_ += daemon_->take_output();
        return said_;
    }

  private:
    void start_daemon(const Setup& setup);
    std::string post_job(const Setup& setup, std::size_t number);

    std::unique_ptr<s3sim::Server> s3_;
    std::unique_ptr<Child> daemon_;
    std::string said_;
    Target target_;
    std::vector<std::string> jobs_;
};

Stage::Stage(const Setup& setup) {
    s3sim::Options options;
    options.buckets = {"small"};
    options.sinks = {"out"};
    // Ten requests a second and job: they last as long as we need them, and change all the time.
    options.synthetic = {{"large", "count=5000,size=1000"}};
    auto s3 = s3sim::Server::start(options);
    if (!s3) return;
    s3_ = std::move(*s3);
    if (!s3_->put("small", "a.txt", "hello")) return;
    start_daemon(setup);
    if (target_.port == 0) return;
    for (std::size_t i = 0; i < kJobs; ++i) {
        std::string id = post_job(setup, i);
        if (id.empty()) return;
        jobs_.push_back(std::move(id));
    }
}

void Stage::start_daemon(const Setup& setup) {
    const std::string state = setup.folder + "/state";
    std::filesystem::remove_all(state);
    std::vector<std::string> argv{
        setup.daemon, "--listen",           "127.0.0.1:0", "--memory",
        "384MiB",     "--reactors",         "1",           "--state-dir",
        state,        "--log-level",        "warn",        "--jobs-running-max",
        "200",        "--job-request-rate", "10"};
    if (setup.tokens) argv.insert(argv.end(), {"--admin-token-sha256", sha256_hex(kToken)});
    if (setup.tls) {
        const std::string certificate = setup.folder + "/tls.pem", key = setup.folder + "/tls.key";
        if (!write_certificate(certificate, key)) return;
        argv.insert(argv.end(), {"--tls-certificate", certificate, "--tls-key", key});
        target_.tls = client_context();
    }
    daemon_ = std::make_unique<Child>(
        std::move(argv),
        std::vector<std::string>{"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
                                 "AWS_ENDPOINT_URL_S3=" + s3_->endpoint()});
    const std::string mark = "://127.0.0.1:";
    const auto end = Clock::now() + 20s;
    while (Clock::now() < end && daemon_->is_alive()) {
        const std::string said = log();
        const std::size_t at = said.find(mark);
        if (at != std::string::npos && said.find('\n', at) != std::string::npos) {
            target_.port = static_cast<std::uint16_t>(std::atoi(said.c_str() + at + mark.size()));
            return;
        }
        std::this_thread::sleep_for(5ms);
    }
}

std::string Stage::post_job(const Setup& setup, std::size_t number) {
    const std::string body = fmt::format(
        R"({{"source":{{"bucket":"large"}},"destination":{{"bucket":"out","key":"large-{}"}}}})",
        number);
    const std::string answer = exchange(
        target_, fmt::format("POST /archives HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}"
                             "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                             setup.tokens ? "Authorization: Bearer " + kToken + "\r\n" : "",
                             body.size(), body));
    const std::string mark = R"("id":")";
    const std::size_t at = answer.find(mark);
    return at == std::string::npos ? "" : answer.substr(at + mark.size(), 26);
}

// The processes of the crowds, and the last that each has said.
class Crowds {
  public:
    Crowds(const Setup& setup, const std::vector<Part>& parts, Stage& stage) {
        std::uint32_t source = 1;
        for (const Part& part : parts) {
            const bool has_token = setup.tokens && part.behaviour == Behaviour::events;
            const std::size_t processes =
                (part.clients + kClientsOfOneProcess - 1) / kClientsOfOneProcess;
            for (std::size_t i = 0; i < processes; ++i) {
                std::vector<std::string> argv{setup.self,
                                              "--crowd",
                                              std::to_string(static_cast<int>(part.behaviour)),
                                              "--clients",
                                              std::to_string(part.clients / processes),
                                              "--opens-per-second",
                                              std::to_string(part.opens_per_second / processes),
                                              "--source",
                                              std::to_string(source),
                                              "--port",
                                              std::to_string(stage.target().port)};
                if (setup.tls) argv.emplace_back("--tls");
                if (has_token) argv.insert(argv.end(), {"--token", kToken});
                argv.emplace_back("--jobs");
                for (std::size_t job = 0; job < part.jobs; ++job) argv.push_back(stage.jobs()[job]);
                children_.push_back(std::make_unique<Child>(std::move(argv)));
                source += kAddressesOfOneProcess;
            }
        }
        statuses_.resize(children_.size());
        said_.resize(children_.size());
    }
    CrowdStatus look() {
        CrowdStatus all;
        for (std::size_t i = 0; i < children_.size(); ++i) {
            said_[i] += children_[i]->take_output();
            const std::size_t end = said_[i].rfind('\n');
            if (end != std::string::npos) {
                const std::size_t before =
                    end == 0 ? std::string::npos : said_[i].rfind('\n', end - 1);
                read_line(said_[i].substr(before == std::string::npos ? 0 : before + 1),
                          statuses_[i]);
                said_[i].erase(0, end + 1);
            }
            all.open += statuses_[i].open;
            all.opened += statuses_[i].opened;
            all.cut += statuses_[i].cut;
            all.events += statuses_[i].events;
            all.watching += statuses_[i].watching;
        }
        return all;
    }
    bool are_alive() {
        return std::ranges::all_of(children_, [](auto& child) { return child->is_alive(); });
    }

  private:
    std::vector<std::unique_ptr<Child>> children_;
    std::vector<CrowdStatus> statuses_;
    std::vector<std::string> said_;
};

double percentile(std::vector<double>& values, double share) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

double machine_load() {
    double load = 0;
    std::ifstream("/proc/loadavg") >> load;
    return load;
}

class Run {
  public:
    Run(const Setup& setup, const std::string& name)
        : setup_(setup), parts_(parts_of(name, setup)), stage_(setup) {
        outcome_.scenario = name;
        for (const Part& part : parts_) outcome_.clients += part.clients;
    }
    Outcome go();

  private:
    std::future<HonestResult> ask() {
        stop_ = false;
        HonestPlan plan{.per_second = 100,
                        .token = setup_.tokens ? kToken : std::string(),
                        .jobs = stage_.jobs()};
        return std::async(std::launch::async,
                          [this, plan] { return run_honest(stage_.target(), plan, stop_); });
    }
    void settle();
    void watch(Crowds& crowds, Clock::time_point until);
    void count(HonestResult honest);
    void judge(const HonestResult& honest);
    void breach(bool is_one, const std::string& what) {
        if (is_one) outcome_.breaches.push_back(what);
    }
    std::uint64_t watchers() const {
        std::uint64_t sum = 0;
        for (const Part& part : parts_)
            if (part.behaviour == Behaviour::events) sum += part.clients;
        return sum;
    }

    const Setup setup_;
    const std::vector<Part> parts_;
    Stage stage_;
    Outcome outcome_;
    std::atomic<bool> stop_{false};
};

// What it needs for its jobs and for the honest client is no growth.
void Run::settle() {
    constexpr std::uint64_t kStill = 2 << 20;
    auto honest = ask();
    const auto step = setup_.small ? 500ms : 2000ms;
    const auto latest = Clock::now() + 15 * step;
    std::uint64_t before = 0;
    for (std::uint64_t now = 2 * kStill; now > before + kStill && Clock::now() < latest;) {
        before = now;
        std::this_thread::sleep_for(step);
        now = stage_.daemon().usage().resident_bytes;
    }
    stop_ = true;
    const HonestResult result = honest.get();
    breach(!result.errors.empty(), "errors before the crowds came");
}

void Run::watch(Crowds& crowds, Clock::time_point until) {
    while (Clock::now() < until) {
        std::this_thread::sleep_for(50ms);
        outcome_.crowd = crowds.look();
        outcome_.files = std::max(outcome_.files, stage_.daemon().usage().files);
        stage_.log();
    }
}

void Run::count(HonestResult honest) {
    Outcome& o = outcome_;
    o.asked = honest.asked;
    o.asked_again = honest.asked_again;
    o.errors = honest.errors.size();
    o.p50_ms = percentile(honest.all_ms, 0.5);
    o.p99_ms = percentile(honest.all_ms, 0.99);
    o.max_ms = percentile(honest.all_ms, 1);
    o.posts_p99_ms = percentile(honest.posts_ms, 0.99);
    o.fresh_p99_ms = percentile(honest.fresh_ms, 0.99);
    judge(honest);
}

void Run::judge(const HonestResult& honest) {
    const Outcome& o = outcome_;
    constexpr std::size_t kTold = 3;
    for (std::size_t i = 0; i < honest.errors.size() && i < kTold; ++i)
        breach(true, honest.errors[i]);
    breach(honest.errors.size() > kTold, fmt::format("{} errors in all", honest.errors.size()));
    breach(o.p99_ms > setup_.bounds.p99_ms,
           fmt::format("p99 is {:.1f} ms, at most {:.0f}", o.p99_ms, setup_.bounds.p99_ms));
    breach(o.peak_bytes > o.before_bytes + setup_.bounds.growth_bytes,
           fmt::format("memory grew by {} MiB, at most {}", (o.peak_bytes - o.before_bytes) >> 20,
                       setup_.bounds.growth_bytes >> 20));
    // api_connections, and what the rest of the daemon has.
    breach(o.files > 4096 + 600, fmt::format("{} open files", o.files));
    breach(o.crowd.opened < o.clients,
           fmt::format("only {} of {} came", o.crowd.opened, o.clients));
    breach(o.crowd.watching < watchers(),
           fmt::format("only {} of {} see events", o.crowd.watching, watchers()));
}

Outcome Run::go() {
    if (!stage_.is_up()) {
        breach(true,
               "the daemon is not up: " + (stage_.target().port == 0 ? stage_.log() : "no jobs"));
        return outcome_;
    }
    settle();
    stage_.daemon().forget_peak();
    const Usage before = stage_.daemon().usage();
    const auto began = Clock::now();
    auto honest = ask();
    Crowds crowds(setup_, parts_, stage_);
    const auto latest = Clock::now() + 60s;
    while (Clock::now() < latest &&
           (outcome_.crowd.opened < outcome_.clients || outcome_.crowd.watching < watchers()))
        watch(crowds, Clock::now() + 50ms);
    const auto all_there = Clock::now();
    const std::uint64_t events = outcome_.crowd.events;
    watch(crowds, all_there + std::chrono::seconds(setup_.seconds));
    const std::chrono::duration<double> steady = Clock::now() - all_there;
    const std::chrono::duration<double> whole = Clock::now() - began;
    outcome_.events_per_second =
        static_cast<double>(outcome_.crowd.events - events) / steady.count();
    breach(!crowds.are_alive(), "a crowd has ended by itself");
    breach(!stage_.daemon().is_alive(), "the daemon has ended: " + stage_.log());
    const Usage after = stage_.daemon().usage();
    outcome_.before_bytes = before.resident_bytes;
    outcome_.peak_bytes = after.peak_bytes;
    outcome_.cpu_percent = 100 * (after.cpu_seconds - before.cpu_seconds) / whole.count();
    outcome_.load = machine_load();
    stop_ = true;
    count(honest.get());
    return outcome_;
}

}  // namespace

const std::vector<std::string>& scenario_names() {
    static const std::vector<std::string> names{"quiet",       "half-open",   "slowloris",
                                                "big-headers", "slow-bodies", "slow-readers",
                                                "events-1",    "events-50",   "all"};
    return names;
}

Outcome run_scenario(const Setup& setup, const std::string& name) { return Run(setup, name).go(); }

}  // namespace api_load
