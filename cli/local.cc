#include "cli/local.h"

#include <fmt/format.h>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "archive/engine.h"
#include "cli/engine_settings.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/job_source.h"
#include "cli/json_job.h"
#include "cli/json_verify.h"
#include "cli/progress.h"
#include "cli/text.h"

namespace cli {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};

// What an engine's callback leaves for the thread that waits. Shared with the callback, which may
// come late.
template <typename Value>
class Answer {
  public:
    void set(Value value) {
        {
            const std::scoped_lock lock(mutex_);
            value_ = std::move(value);
        }
        ready_.notify_all();
    }
    bool wait_for(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        return ready_.wait_for(lock, time, [this] { return value_.has_value(); });
    }
    Value take() {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return value_.has_value(); });
        return std::move(*value_);
    }

  private:
    std::mutex mutex_;
    std::condition_variable ready_;
    std::optional<Value> value_;
};

int report(const Console& console, const base::Error& error) {
    console.complain(error.to_string());
    return exit_code_of(error);
}

int create(archive::Engine& engine, const Arguments& arguments, const Console& console,
           base::Clock& clock) {
    InterruptScope interrupt;
    ProgressDisplay display(console, arguments.json, clock);
    RateMeter meter;
    const auto job = std::make_shared<archive::Job>(arguments.request);
    const auto ended = std::make_shared<Answer<bool>>();
    engine.start(job, [ended](const std::shared_ptr<archive::Job>& changed) {
        if (archive::has_ended(changed->state())) ended->set(true);
    });
    while (!ended->wait_for(kRedrawInterval)) {
        if (InterruptScope::interrupted()) job->cancel();
        const archive::JobSnapshot now = job->snapshot();
        meter.add(clock.steady_now(), now.bytes_done);
        display.show(view_of(arguments.request, now, meter.bytes_per_second()));
    }
    const archive::JobSnapshot end = job->snapshot();
    const JobView view = view_of(arguments.request, end, 0);
    display.show(view);
    display.finish();
    if (arguments.json) {
        console.out << job_json(view, arguments.request) << "\n" << std::flush;
    } else {
        print_outcome(console, view);
    }
    if (end.result) return kDone;
    return end.error ? exit_code_of(*end.error) : kFailed;
}

int plan(archive::Engine& engine, const Arguments& arguments, const Console& console) {
    const auto answer = std::make_shared<Answer<base::Result<archive::PlanSummary>>>();
    engine.plan(arguments.request, [answer](auto result) { answer->set(std::move(result)); });
    const auto result = answer->take();
    if (!result) return report(console, result.error());
    if (arguments.json) {
        console.out << plan_json(*result) << "\n" << std::flush;
    } else {
        print_plan(console, plan_view(*result), "this process");
    }
    return kDone;
}

std::string crc_text(const archive::VerifyReport& report) {
    if (!report.crc32) return "crc32 not known";
    std::string text = fmt::format("crc32 {:08x}", *report.crc32);
    const char* before = ", compared with ";
    for (const archive::CrcWitness witness : report.compared_with) {
        text += before;
        text += witness == archive::CrcWitness::request ? "--crc32" : "S3's";
        before = " and ";
    }
    return text;
}

void print_report(const Console& console, const std::string& target,
                  const archive::VerifyReport& report) {
    for (const archive::VerifyFinding& finding : report.findings) {
        const std::string entry = finding.entry.empty() ? "" : finding.entry + ": ";
        console.err << printable(fmt::format("at {}: {}{}", finding.offset, entry, finding.what))
                    << "\n";
    }
    if (report.findings_total > report.findings.size()) {
        console.err << fmt::format("... and {} more\n",
                                   count_text(report.findings_total - report.findings.size()));
    }
    const std::string verdict =
        report.ok() ? "ok" : fmt::format("BAD, {} findings", count_text(report.findings_total));
    console.out << printable(fmt::format("{}: {}, {} entries, {} ({} bytes), {}", target, verdict,
                                         count_text(report.entries), size_text(report.archive_size),
                                         report.archive_size, crc_text(report)))
                << "\n"
                << std::flush;
}

// What reactors count and this thread shows.
struct VerifyCounters {
    std::atomic<std::uint64_t> read{0}, all{0};
};

int verify(archive::Engine& engine, const Arguments& arguments, const Console& console,
           base::Clock& clock) {
    const auto answer = std::make_shared<Answer<base::Result<archive::VerifyReport>>>();
    const auto counters = std::make_shared<VerifyCounters>();
    engine.verify(
        arguments.verify,
        [counters](std::uint64_t read, std::uint64_t all) {
            counters->all.store(all, std::memory_order_relaxed);
            // Reactors overtake one another.
            std::uint64_t before = counters->read.load(std::memory_order_relaxed);
            while (before < read && !counters->read.compare_exchange_weak(before, read)) {
            }
        },
        [answer](auto result) { answer->set(std::move(result)); });
    ProgressDisplay display(console, arguments.json, clock);
    RateMeter meter;
    JobView view;
    view.state = "verifying";
    while (!answer->wait_for(kRedrawInterval)) {
        view.progress.bytes_done = counters->read.load(std::memory_order_relaxed);
        view.progress.bytes_total = counters->all.load(std::memory_order_relaxed);
        meter.add(clock.steady_now(), view.progress.bytes_done);
        view.progress.bytes_per_second = meter.bytes_per_second();
        display.show(view);
    }
    display.finish();
    const auto result = answer->take();
    if (!result) return report(console, result.error());
    if (arguments.json) {
        console.out << verify_json(arguments.target, *result) << "\n" << std::flush;
    } else {
        print_report(console, arguments.target, *result);
    }
    return result->ok() ? kDone : kFailed;
}

}  // namespace

int exit_code_of(const base::Error& error) {
    const bool no_answer = error.kind == base::ErrorKind::transient && error.http_status == 0;
    return no_answer || error.code == "tls_certificate" ? kUnreachable : kFailed;
}

int run_local(const Arguments& arguments, const Console& console, base::Clock& clock,
              const s3client::Environment& environment) {
    if (arguments.local) {
        if (const auto status = archive::validate(arguments.request); !status) {
            console.complain(status.error().detail);
            return kBadUsage;
        }
    }
    auto engine = archive::Engine::create(engine_config(arguments.settings, environment));
    if (!engine) {  // settings that cannot be right: a bad endpoint, half a pair of keys
        report(console, engine.error());
        return engine.error().kind == base::ErrorKind::invalid ? kBadUsage : kFailed;
    }
    switch (arguments.command) {
        case Command::create: return create(**engine, arguments, console, clock);
        case Command::plan: return plan(**engine, arguments, console);
        default: return verify(**engine, arguments, console, clock);
    }
}

}  // namespace cli
