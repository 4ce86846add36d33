#include "cli/remote.h"

#include <fmt/format.h>
#include <chrono>
#include <thread>

#include "base/utf8.h"
#include "cli/event_stream.h"
#include "cli/follow.h"
#include "cli/http_client.h"
#include "cli/interrupt.h"
#include "cli/json_job.h"
#include "cli/json_request.h"
#include "cli/text.h"

namespace cli {
namespace {

constexpr std::chrono::milliseconds kPollInterval{500};
constexpr std::string_view kUnreachableCode = "daemon_unreachable";  // of HttpClient
constexpr std::string_view kUntrustedCode = "daemon_untrusted";
constexpr unsigned kPollFailuresMax = 10;  // a daemon that restarts is back within seconds

// One command on its way: the daemon, and where to report.
class Remote {
  public:
    Remote(HttpClient client, const Arguments& arguments, const Console& console,
           base::Clock& clock)
        : client_(std::move(client)), arguments_(arguments), console_(console), clock_(clock) {}

    int create();
    int plan();
    int list();
    int show();
    int watch() { return follow(arguments_.id); }
    int cancel();

  private:
    // The body of a 2xx; anything else is reported, and the exit code stands in code_.
    std::optional<std::string> ask(std::string_view method, const std::string& target,
                                   std::string body = {},
                                   std::chrono::seconds timeout = HttpClient::kAnswerTimeout);
    std::optional<std::string> job_text(const std::string& id) {
        return ask("GET", "/archives/" + id);
    }
    // The same with whole lists, for --json.
    std::optional<std::string> whole_text(std::string job);
    template <typename View>
    std::optional<View> read(base::Result<View> view);
    // The body of a request; none if JSON cannot hold it.
    std::optional<std::string> request_body();

    int follow(const std::string& id);
    bool follow_events(const std::string& id, JobView& job, ProgressDisplay& display);
    bool poll(const std::string& id, JobView& job, ProgressDisplay& display);
    void fail(const base::Error& error);
    std::string refusal_text(const HttpResponse& response) const;
    void refuse(const HttpResponse& response);

    HttpClient client_;
    const Arguments& arguments_;
    const Console& console_;
    base::Clock& clock_;
    int code_ = kDone;
};

void Remote::fail(const base::Error& error) {
    console_.complain(error.detail);
    const bool no_answer = error.code == kUnreachableCode || error.code == kUntrustedCode;
    code_ = no_answer ? kUnreachable : kFailed;
}

// "/destination/key: must not be empty (HTTP 422)"
std::string Remote::refusal_text(const HttpResponse& response) const {
    const Problem problem = problem_from_json(response.body);
    std::string text = problem.detail.empty() ? problem.title : problem.detail;
    if (text.empty()) text = "the daemon at " + client_.access().url + " refused";
    if (!problem.pointer.empty()) text = problem.pointer + ": " + text;
    if (!problem.code.empty()) text += " [" + problem.code + "]";
    text += fmt::format(" (HTTP {})", response.status);
    const std::string hint = access_hint(client_.access(), response.status, problem.type);
    return hint.empty() ? text : text + "; " + hint;
}

void Remote::refuse(const HttpResponse& response) {
    console_.complain(refusal_text(response));
    code_ = kFailed;
}

std::optional<std::string> Remote::ask(std::string_view method, const std::string& target,
                                       std::string body, std::chrono::seconds timeout) {
    auto response = client_.send(method, target, std::move(body), timeout);
    if (!response) {
        fail(response.error());
        return std::nullopt;
    }
    if (response->status / 100 != 2) {
        refuse(*response);
        return std::nullopt;
    }
    return std::move(response->body);
}

std::optional<std::string> Remote::whole_text(std::string job) {
    return read(whole_job_text(
        std::move(job), [this](const std::string& target) -> base::Result<std::string> {
            auto page = client_.send("GET", target);
            if (!page) return base::fail(page.error());
            if (page->status == 200) return std::move(page->body);
            return base::fail(base::ErrorKind::invalid, "refused", refusal_text(*page));
        }));
}

std::optional<std::string> Remote::request_body() {
    std::string body = request_json(arguments_.request, Secrets::written);
    if (base::is_valid_utf8(body)) return body;
    console_.complain("the daemon takes keys and names in UTF-8 only; others need --local");
    code_ = kBadUsage;
    return std::nullopt;
}

template <typename View>
std::optional<View> Remote::read(base::Result<View> view) {
    if (view) return std::move(*view);
    fail(view.error());
    return std::nullopt;
}

int Remote::create() {
    auto request = request_body();
    if (!request) return code_;
    const auto body = ask("POST", "/archives", std::move(*request));
    if (!body) return code_;
    const auto job = read(job_from_json(*body));
    if (!job) return code_;
    if (arguments_.wait) return follow(job->id);
    if (arguments_.json) {
        console_.out << *body << "\n";
    } else {
        console_.out << printable(job->id) << "\n";
        if (console_.err_is_terminal) {
            console_.err << "follow it with: s3zip watch " << printable(job->id) << "\n";
        }
    }
    return kDone;
}

int Remote::plan() {
    auto request = request_body();
    if (!request) return code_;
    const auto body = ask("POST", "/plans", std::move(*request), HttpClient::kPlanTimeout);
    if (!body) return code_;
    if (arguments_.json) {
        console_.out << *body << "\n";
        return kDone;
    }
    const auto plan = read(plan_from_json(*body));
    if (plan) print_plan(console_, *plan, "this daemon");
    return code_;
}

int Remote::list() {
    std::string target = fmt::format("/archives?limit={}", arguments_.limit);
    if (!arguments_.state.empty()) target += "&state=" + arguments_.state;
    const auto body = ask("GET", target);
    if (!body) return code_;
    if (arguments_.json) {
        console_.out << *body << "\n";
        return kDone;
    }
    const auto jobs = read(jobs_from_json(*body));
    if (!jobs) return code_;
    std::vector<std::vector<std::string>> rows{
        {"ID", "STATE", "CREATED", "OBJECTS", "SIZE", "ARCHIVE"}};
    for (const JobView& job : *jobs) {
        const std::uint64_t size = job.result ? job.result->size : job.progress.bytes_total;
        const bool planned = size > 0;
        rows.push_back({printable(job.id), printable(job.state),
                        printable(job.created_at.substr(0, 19)),
                        planned ? count_text(job.progress.objects_total) : "-",
                        planned ? size_text(size) : "-", printable(job.destination)});
    }
    console_.out << table(rows, {3, 4}) << std::flush;
    return kDone;
}

int Remote::show() {
    const auto body = job_text(arguments_.id);
    if (!body) return code_;
    if (arguments_.json) {
        const auto whole = whole_text(*body);
        if (whole) console_.out << *whole << "\n";
        return code_;
    }
    const auto job = read(job_from_json(*body));
    if (job) print_job(console_, *job);
    return code_;
}

int Remote::cancel() {
    const auto body = ask("DELETE", "/archives/" + arguments_.id);
    if (!body) return code_;
    if (arguments_.json) {
        console_.out << *body << "\n";
    } else {
        console_.out << arguments_.id << ": cancel asked for\n";
    }
    return kDone;
}

// True when the job has ended; false when the stream broke, is not offered, or Ctrl-C came.
bool Remote::follow_events(const std::string& id, JobView& job, ProgressDisplay& display) {
    EventStream events([&](std::string_view, std::string_view data) {
        apply_event(data, job);
        display.show(job);
    });
    const auto keep_going = [&] { return !job.has_ended() && !InterruptScope::interrupted(); };
    // Whatever ends the stream before the job: the caller polls instead, and reports if that fails,
    // too.
    [[maybe_unused]] const auto end = client_.stream(
        "/archives/" + id + "/events", [&](std::string_view bytes) { events.feed(bytes); },
        keep_going);
    return job.has_ended();
}

// Until the job has ended or Ctrl-C comes (true), or nobody can say (false).
bool Remote::poll(const std::string& id, JobView& job, ProgressDisplay& display) {
    for (unsigned failures = 0;;) {
        const auto response = client_.send("GET", "/archives/" + id);
        if (response && response->status != 200) {
            display.finish();
            refuse(*response);
            return false;
        }
        auto view = response ? job_from_json(response->body)
                             : base::Result<JobView>(base::fail(response.error()));
        if (view) {
            failures = 0;
            job = std::move(*view);
            display.show(job);
            if (job.has_ended()) return true;
        } else if (++failures == kPollFailuresMax || view.error().code == kUntrustedCode) {
            display.finish();
            fail(view.error());
            return false;
        }
        if (InterruptScope::interrupted()) return true;
        std::this_thread::sleep_for(kPollInterval);
    }
}

int Remote::follow(const std::string& id) {
    InterruptScope interrupt;
    ProgressDisplay display(console_, arguments_.json, clock_);
    JobView job;
    job.id = id;
    job.state = "queued";
    if (!follow_events(id, job, display) && !InterruptScope::interrupted()) {
        if (!poll(id, job, display)) return code_;
    }
    display.finish();
    if (InterruptScope::interrupted() && !job.has_ended()) {
        if (arguments_.command == Command::watch) return kFailed;  // watching only: the job goes on
        ask("DELETE", "/archives/" + id);
        console_.complain(id + ": interrupted, cancel asked for");
        return kFailed;
    }
    const auto body = job_text(id);  // the result in full
    if (!body) return code_;
    auto final_job = read(job_from_json(*body));
    if (!final_job) return code_;
    if (arguments_.json) {
        const auto whole = whole_text(*body);
        if (!whole) return code_;
        console_.out << *whole << "\n" << std::flush;
    } else {
        print_outcome(console_, *final_job);
    }
    return final_job->state == "succeeded" ? kDone : kFailed;
}

}  // namespace

int run_remote(const Arguments& arguments, const Console& console, base::Clock& clock) {
    for (const std::string& warning : arguments.warnings) console.complain(warning);
    auto client = HttpClient::create(arguments.daemon);
    if (!client) {
        console.complain(client.error().detail);
        return kBadUsage;
    }
    Remote remote(std::move(*client), arguments, console, clock);
    switch (arguments.command) {
        case Command::create: return remote.create();
        case Command::plan: return remote.plan();
        case Command::ls: return remote.list();
        case Command::show: return remote.show();
        case Command::watch: return remote.watch();
        case Command::cancel: return remote.cancel();
        case Command::verify: break;  // needs no daemon: local.h
    }
    return kBadUsage;
}

}  // namespace cli
