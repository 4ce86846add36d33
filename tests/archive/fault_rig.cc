#include "fault_rig.h"

#include <fmt/format.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

#include "base/check.h"
#include "zip_reading.h"

namespace archive::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kJobTime = 60s;
constexpr const char* kKey = "a.zip";

// Waits for what other threads are about to do, some seconds at most.
bool comes_true(const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(200us);
    }
    return true;
}

JobSnapshot run_job(Engine& engine, ArchiveRequest request, const std::string& faults) {
    // Shared: a job that hangs outlives this frame.
    auto end = std::make_shared<std::promise<JobSnapshot>>();
    auto ended = end->get_future();
    engine.start(std::make_shared<Job>(std::move(request)), [end](const auto& job) {
        if (has_ended(job->state())) end->set_value(job->snapshot());
    });
    if (ended.wait_for(kJobTime) != std::future_status::ready) {
        std::fprintf(stderr, "a job hangs under: %s\n", faults.c_str());
        std::abort();  // with all threads as they are, for a debugger
    }
    return ended.get();
}

}  // namespace

void side_by_side(std::size_t count, const std::function<void(std::size_t)>& run) {
    constexpr std::size_t kThreads = 4;  // mostly they wait: for stalls, and for turns after a 503
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < std::min(kThreads, count); ++t) {
        threads.emplace_back([&] {
            for (std::size_t i = next++; i < count; i = next++) run(i);
        });
    }
}

FaultRig::FaultRig(Scenario scenario, IoChoice io) : scenario_(std::move(scenario)), io_(io) {
    start_server();
    const FaultRun clean = run("", {});
    for (const std::string& what : clean.broken) std::fprintf(stderr, "%s\n", what.c_str());
    CHECK(clean.end.state == JobState::succeeded && clean.broken.empty());
    CHECK(!reference_.empty());
}

FaultRig::~FaultRig() = default;

void FaultRig::start_server() {
    server_.reset();
    s3sim::Options options;
    options.buckets = {"src", "out", "lists"};
    auto started = s3sim::Server::start(std::move(options));
    CHECK(started);
    server_ = std::move(*started);
    for (const auto& [key, bytes] : scenario_.objects) CHECK(server_->put("src", key, bytes));
    for (const auto& [key, bytes] : scenario_.others) CHECK(server_->put("lists", key, bytes));
}

ArchiveRequest FaultRig::request() const {
    ArchiveRequest what;
    what.sources = scenario_.sources;
    if (what.sources.empty()) what.sources.emplace_back().bucket = "src";
    what.destination.bucket = "out";
    what.destination.key = kKey;
    what.destination.overwrite = scenario_.overwrite;
    what.options.timestamps = Timestamps::fixed;
    what.options.order = EntryOrder::key;
    what.options.part_size_bytes = scenario_.part_size_bytes;
    return what;
}

EngineConfig FaultRig::config() const {
    EngineConfig with;
    with.io = io_;
    with.reactors = scenario_.reactors;
    with.memory_bytes = scenario_.memory_mib << 20;
    with.endpoint_url = server_->endpoint();
    with.environment = s3client::fixed_environment({});
    with.access_key_id = "s3sim";
    with.secret_access_key = "s3simsecret";
    with.attempts_max = scenario_.attempts_max;
    with.request_timeout_ms = scenario_.request_timeout_ms;
    with.retry.transient_base = 1ms;
    with.retry.throttled_base = 2ms;
    with.retry.delay_max = 10ms;
    with.retry.retry_after_extra_max = 1ms;
    with.retry.patience = 0s;
    return with;
}

FaultRun FaultRig::run(const std::string& faults, Allowed allowed) {
    CHECK(server_->set_faults(faults));
    server_->reset_stats();
    auto engine = Engine::create(config());
    CHECK(engine);
    FaultRun run;
    run.end = run_job(**engine, request(), faults);
    const EngineStats stats = (*engine)->stats();
    run.retries = stats.retries;
    const auto sent = [&stats](s3client::Operation operation) {
        return stats.requests[static_cast<std::size_t>(operation)];
    };
    run.uploads_begun = sent(s3client::Operation::create_multipart_upload);
    run.knew_upload = sent(s3client::Operation::upload_part) > 0 ||
                      sent(s3client::Operation::abort_multipart_upload) > 0;
    if (stats.memory_in_use_bytes != 0) {
        run.broken.push_back(
            fmt::format("{} bytes of part memory held", stats.memory_in_use_bytes));
    }
    engine->reset();
    run.faults = server_->stats().faults_fired;
    if (!comes_true([&] { return server_->stats().open_connections == 0; })) {
        run.broken.push_back(
            fmt::format("{} sockets left open", server_->stats().open_connections));
    }
    CHECK(server_->set_faults(""));
    check_end(run, allowed);
    return run;
}

void FaultRig::keep_reference(FaultRun& run) {
    const auto archive = server_->get("out", kKey);
    if (!archive) return run.broken.push_back("a day without faults gave no archive");
    const ReadArchive read = read_archive(*archive);
    if (!read.problem.empty()) run.broken.push_back(read.problem);
    if (read.entries.size() != scenario_.objects.size())
        run.broken.push_back("not all objects are in the archive of a day without faults");
    for (const StoredEntry& entry : read.entries) {
        const auto source = scenario_.objects.find(entry.name);
        if (source == scenario_.objects.end() || source->second != entry.data)
            run.broken.push_back("entry " + entry.name + " is wrong");
    }
    reference_ = *archive;
    reference_crc_ = plain_crc32(reference_);
}

void FaultRig::check_result(FaultRun& run, bool wrong_etag) {
    const auto broken = [&run](std::string what) { run.broken.push_back(std::move(what)); };
    const auto head = server_->head("out", kKey);
    if (!head) return broken("it succeeded, and there is no archive");
    const ArchiveResult& result = *run.end.result;
    if (result.size != reference_.size()) broken("the result says another size");
    if (result.crc32 != reference_crc_) broken("the result says another CRC");
    if (!wrong_etag && result.etag != '"' + head->etag + '"')
        broken("the result says another ETag");
    if (run.end.bytes_done != run.end.bytes_total || run.end.parts_done != run.end.parts_total)
        broken("it succeeded with parts missing in its counts");
}

void FaultRig::check_end(FaultRun& run, const Allowed& allowed) {
    const auto broken = [&run](std::string what) { run.broken.push_back(std::move(what)); };
    if (reference_.empty()) keep_reference(run);
    const auto archive = server_->get("out", kKey);
    if (archive && *archive != reference_) broken("an archive with other bytes is there");
    if (run.end.state == JobState::succeeded) {
        check_result(run, allowed.wrong_etag);
    } else if (run.end.state != JobState::failed || !run.end.error) {
        broken("it ended neither succeeded nor failed");
    } else {
        const base::Error& error = *run.end.error;
        if (error.kind == base::ErrorKind::bug || error.kind == base::ErrorKind::cancelled)
            broken("it failed as what nobody did: " + error.to_string());
        if (error.code.empty() || error.detail.empty() || error.key.empty())
            broken("its error does not say what, why and where: " + error.to_string());
    }
    const auto uploads = server_->open_uploads();
    std::uint64_t may_be_open = allowed.refused_aborts ? 1 : 0;
    if (allowed.lost_answers) may_be_open += run.uploads_begun - (run.knew_upload ? 1 : 0);
    if (uploads.size() > may_be_open)
        broken(fmt::format("{} uploads left open, {} may be", uploads.size(), may_be_open));
    if (archive) CHECK(server_->remove("out", kKey));
    if (!uploads.empty()) start_server();
}

}  // namespace archive::test
