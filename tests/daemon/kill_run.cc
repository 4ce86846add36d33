#include "kill_run.h"

#include <fmt/format.h>
#include <signal.h>
#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <thread>

#include "base/check.h"

namespace s3zipd {

using namespace std::chrono_literals;

namespace {

#if __has_feature(address_sanitizer)
constexpr int kSlow = 4;
#else
constexpr int kSlow = 1;
#endif
constexpr auto kRunTime = 90s * kSlow;
constexpr auto kStopTime = 40s;  // config::kStopTimeout, and some

std::string text_at(const boost::json::value& value, const std::string& pointer) {
    boost::json::error_code error;
    const auto* found = value.find_pointer(pointer, error);
    if (found == nullptr) return "absent";
    return found->is_string() ? std::string(found->as_string()) : boost::json::serialize(*found);
}

std::string lines_of(std::string_view log, std::size_t life) {
    std::string lines;
    while (!log.empty()) {
        const std::size_t end = std::min(log.find('\n'), log.size());
        lines += fmt::format("  {}| {}\n", life, log.substr(0, end));
        log.remove_prefix(std::min(end + 1, log.size()));
    }
    return lines;
}

}  // namespace

KillRun::KillRun(KillScenario scenario, std::string io, bool tls)
    : scenario_(std::move(scenario)), io_(std::move(io)) {
    set_up();
    if (tls) proxy_ = std::make_unique<TlsProxy>(server_->port());
    for (const KillJob& job : scenario_.jobs) posted_.push_back({.job = &job});
}

KillRun::~KillRun() {
    process_.reset();
    proxy_.reset();
    server_.reset();  // before what it tells of requests
    receiver_.reset();
}

void KillRun::set_up() {
    s3sim::Options options;
    options.buckets = {"src", "out"};
    options.latency = scenario_.latency;
    options.bandwidth_per_connection = scenario_.bandwidth_per_connection;
    options.watch = [this](const s3sim::WatchedRequest& request) {
        log_.add(request);
        plug_.on_request(request);
    };
    auto started = s3sim::Server::start(std::move(options));
    CHECK(started);
    server_ = std::move(*started);
    const std::string_view pool = kill_pool();
    for (const KillJob& job : scenario_.jobs) {
        for (const KillObject& object : job.objects)
            CHECK(server_->put("src", object.key, pool.substr(object.offset, object.size)));
    }
    CHECK(server_->set_faults(scenario_.faults));
    receiver_ = std::make_unique<DeliveryLog>(
        DeliveryLog::Options{.fail_first = scenario_.fail_deliveries,
                             .cut = scenario_.cut_deliveries,
                             .on_delivery = [this](const std::string&) { plug_.on_delivery(); }});
}

KillReport KillRun::play() {
    deadline_ = Clock::now() + kRunTime;
    if (begin_life()) {
        follow_timeline();
        adopt_those_in_doubt();
        for (Posted& posted : posted_) wait_for_end(posted);
        end_remaining_lives();
    }
    if (!given_up_) {
        check_keys();
        check_deliveries();
        check_uploads();
    }
    if (!given_up_) {
        process_->send(SIGTERM);
        if (process_->exit_code(kStopTime) != 0) give_up("an idle daemon does not end in order");
    }
    if (process_) report_.logs += lines_of(process_->log(), life_);
    server_->stop();
    const std::vector<SeenRequest> seen = log_.seen();
    for (std::string& what : broken_upload_promises(seen))
        report_.broken.push_back(std::move(what));
    for (Posted& posted : posted_) check_end(posted);
    for (const SeenRequest& request : seen) report_.logs += "  S3| " + request.to_string() + "\n";
    return std::move(report_);
}

void KillRun::give_up(std::string why) {
    if (!given_up_) report_.broken.push_back(std::move(why));
    given_up_ = true;
}

bool KillRun::begin_life() {
    const bool is_first = life_ == 0;
    while (!given_up_ && life_ < scenario_.lives.size()) {
        const Life& life = scenario_.lives[life_++];
        const auto silent = [&] {
            return server_->stats().open_connections == 0 &&
                   (!proxy_ || proxy_->open_connections() == 0);
        };
        const auto patience = Clock::now() + 5s;
        while (life.quiet_first && !silent() && Clock::now() < patience)
            std::this_thread::sleep_for(1ms);
        log_.begin_life(is_first || silent());
        std::vector<std::string> environment = {
            "AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
            "AWS_ENDPOINT_URL_S3=" + (proxy_ ? proxy_->endpoint() : server_->endpoint())};
        if (proxy_) environment.push_back("AWS_CA_BUNDLE=" + proxy_->pem_file());
        process_ = std::make_unique<DaemonProcess>(
            std::vector<std::string>{"--listen",
                                     "127.0.0.1:0",
                                     "--state-dir",
                                     state_.path(),
                                     "--io",
                                     io_,
                                     "--reactors",
                                     std::to_string(life.reactors),
                                     "--memory",
                                     fmt::format("{}MiB", life.memory_mib),
                                     "--jobs-running-max",
                                     std::to_string(life.running_max),
                                     "--drain-seconds",
                                     std::to_string(life.drain_seconds),
                                     "--notify-allow",
                                     "127.0.0.0/8",
                                     "--sweep-seconds",
                                     "1",
                                     "--sweep-grace-seconds",
                                     "300"},
            environment);
        if (life.pull) plug_.arm(*life.pull, *process_);
        port_ = process_->port();
        if (port_ != 0) {
            log_.life_is_up();
            return true;
        }
        if (!plug_.pulled()) give_up(fmt::format("life {} does not start", life_));
        end_life();
    }
    return false;
}

// Of a life that has ended, or is about to: waits, and looks at how it did.
bool KillRun::end_life() {
    if (given_up_) return false;
    const bool pulled = plug_.pulled();
    const int code = process_->exit_code(pulled ? kStopTime : 2s);
    const auto& pull = scenario_.lives[life_ - 1].pull;
    report_.logs += lines_of(process_->log(), life_);
    report_.logs += fmt::format("  {}| == {}: exit code {}\n", life_,
                                pulled ? pull->to_string() : "not pulled", code);
    if (code == -1) {
        give_up(pulled ? fmt::format("life {} does not end after {}", life_, pull->to_string())
                       : fmt::format("life {} does not answer", life_));
    } else if (!pulled) {
        give_up(fmt::format("life {} ended by itself with {}", life_, code));
    } else if (!pull->kill && code == 1000 + SIGTERM && process_->log().empty()) {
        // It was not itself yet: what comes before main() cannot keep the signal off.
    } else if (code != (pull->kill ? 1000 + SIGKILL : 0)) {
        report_.broken.push_back(
            fmt::format("life {} ended with {} after {}", life_, code, pull->to_string()));
    }
    report_.pulls += pulled ? 1 : 0;
    plug_.disarm();
    process_.reset();
    return !given_up_;
}

std::optional<TestResponse> KillRun::ask_once(std::string_view method, const std::string& target,
                                              const std::string& body, const std::string& headers) {
    if (given_up_) return std::nullopt;
    if (Clock::now() > deadline_) {
        give_up("it takes too long");
        return std::nullopt;
    }
    TestResponse response;
    {
        TestClient client(port_);
        response = client.call(method, target, body, headers);
    }
    if (response.status != 0 && !(response.status == 503 && plug_.pulled())) return response;
    revive();
    return std::nullopt;
}

TestResponse KillRun::ask(std::string_view method, const std::string& target) {
    while (!given_up_) {
        if (auto response = ask_once(method, target)) return std::move(*response);
    }
    return {};
}

void KillRun::follow_timeline() {
    struct Step {
        Posted* posted;
        bool cancels;
    };
    std::multimap<std::chrono::milliseconds, Step> steps;
    std::chrono::milliseconds at{0};
    for (Posted& posted : posted_) {
        at += posted.job->post_after;
        steps.emplace(at, Step{&posted, false});
        if (posted.job->cancel_after)
            steps.emplace(at + *posted.job->cancel_after, Step{&posted, true});
    }
    const auto begin = Clock::now();
    for (const auto& [when, step] : steps) {
        std::this_thread::sleep_until(begin + when);  // the scenario's pace
        if (step.cancels) {
            cancel(*step.posted);
        } else {
            post(*step.posted);
        }
    }
}

std::string KillRun::notify_url(const KillJob& job) const { return receiver_->url("/" + job.key); }

void KillRun::post(Posted& posted) {
    const KillJob& job = *posted.job;
    const std::string headers =
        job.idempotency_key.empty() ? "" : "Idempotency-Key: " + job.idempotency_key + "\r\n";
    while (!given_up_) {
        const auto response = ask_once("POST", "/archives", job.body(notify_url(job)), headers);
        if (response && response->status == 202) {
            posted.id = text_at(boost::json::parse(response->body), "/id");
            ++report_.jobs;
            return plug_.on_accepted();
        }
        if (response)
            return give_up(
                fmt::format("a job was answered {}: {}", response->status, response->body));
        if (job.idempotency_key.empty()) {
            posted.in_doubt = true;
            return;
        }
    }
}

void KillRun::cancel(Posted& posted) {
    if (posted.id.empty()) return;
    const auto response = ask_once("DELETE", "/archives/" + posted.id);
    if (!response) {
        posted.cancel_in_doubt = true;
    } else if (response->status == 202) {
        posted.cancel_accepted = true;
        posted.seen_at_cancel = log_.seen().size();
    } else if (response->status != 409) {
        give_up(fmt::format("a cancel was answered {}: {}", response->status, response->body));
    }
}

// Jobs whose 202 was lost, and those only, may be there or not.
void KillRun::adopt_those_in_doubt() {
    const TestResponse response = ask("GET", "/archives?limit=1000");
    if (given_up_) return;
    const boost::json::value list = boost::json::parse(response.body);
    for (const auto& job : list.at("archives").as_array()) {
        const std::string id = text_at(job, "/id");
        if (std::ranges::any_of(posted_, [&](const Posted& p) { return p.id == id; })) continue;
        const auto at = std::ranges::find_if(posted_, [&](const Posted& p) {
            return p.in_doubt && p.id.empty() &&
                   p.job->key == text_at(job, "/request/destination/key");
        });
        if (at == posted_.end()) {
            report_.broken.push_back("there is a job that nobody posted: " +
                                     boost::json::serialize(job));
        } else {
            at->id = id;
            ++report_.jobs;
        }
    }
}

// By its events, life after life.
void KillRun::wait_for_end(Posted& posted) {
    if (posted.id.empty()) return;
    while (!given_up_) {
        TestClient client(port_);
        client.send(TestClient::request_text("GET", "/archives/" + posted.id + "/events"));
        const std::string head = client.read_until("\r\n\r\n");
        if (head.size() > 12 && !head.starts_with("HTTP/1.1 200") && !plug_.pulled())
            return give_up(fmt::format("job {} is lost: {}", posted.id, head.substr(0, 12)));
        std::string event;
        while ((event = client.read_until("\n\n")).ends_with("\n\n")) {
            const std::size_t data = event.find("data: ");
            if (event.starts_with("event: state") && data != std::string::npos) {
                posted.end = boost::json::parse(event.substr(data + 6, event.size() - data - 8));
                return;
            }
            if (Clock::now() > deadline_)
                return give_up(fmt::format("job {} hangs: {}", posted.id, event));
        }
        revive();
    }
}

void KillRun::end_remaining_lives() {
    while (!given_up_ && scenario_.lives[life_ - 1].pull) {
        plug_.pull_now();
        revive();
        check_memory();
    }
}

}  // namespace s3zipd
