#include "archive/engine.h"

#include <fmt/format.h>
#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "archive/archive_job.h"
#include "archive/engine_credentials.h"
#include "archive/engine_settings.h"
#include "archive/presigned.h"
#include "archive/selector.h"
#include "archive/verification.h"
#include "base/log.h"

namespace archive {
namespace {

using base::Result;

// A reactor with less could not hold two of the smallest parts.
constexpr std::uint64_t kLaneMemoryMin = 4 * kPartSizeMin;
// Larger parts save requests, smaller ones keep more connections busy: four in memory at a time
// and a spare for another job's, within these.
constexpr std::uint64_t kPreferredPartMin = 2 * kPartSizeMin;
constexpr std::uint64_t kPreferredPartMax = 64ULL << 20;

// Keys that end sooner than this are renewed before a URL is signed with them.
constexpr auto kPresignAhead = std::chrono::minutes(1);
constexpr auto kPresignTimeout = std::chrono::seconds(10);

io::BackendChoice backend_choice(IoChoice io) {
    switch (io) {
        case IoChoice::uring: return io::BackendChoice::uring;
        case IoChoice::epoll: return io::BackendChoice::epoll;
        case IoChoice::automatic: break;
    }
    return io::BackendChoice::automatic;
}

// Once, at the start. Proxies' users and passwords are no part of it.
void log_proxies(const s3client::ProxyRules& rules) {
    const auto shown = [](const std::optional<s3client::Proxy>& proxy) {
        return proxy ? proxy->authority() : std::string("none");
    };
    base::log_info("proxies for S3 and STS are set by the environment",
                   {{"https", shown(rules.https())},
                    {"http", shown(rules.http())},
                    {"no_proxy", rules.exceptions()}});
}

}  // namespace

struct Engine::Impl {
    EngineConfig config;
    s3client::ClientConfig client;
    std::unique_ptr<EngineCredentials> credentials;  // ends after the lanes
    EngineParts parts;
    std::string io_name;

    std::mutex mutex;  // guards what follows; taken when a job starts and ends
    std::condition_variable idle;
    std::set<std::shared_ptr<Job>> jobs;
    std::size_t tasks = 0;  // plans, verifications and so on under way
    std::size_t next_home = 0;
    std::map<std::string, std::string> regions;  // of buckets that are not in the configured one

    base::Status start_lanes();
    void learn_region(const std::string& bucket, const std::string& region);
    std::size_t take_home();
    io::Task<void> run_job(std::size_t home, std::shared_ptr<Job> job, OnChange on_change);
    io::Task<void> run_plan(EngineLane& lane, ArchiveRequest request,
                            std::function<void(Result<PlanSummary>)> done);
    io::Task<Result<PlanSummary>> summarise(EngineLane& lane, const ArchiveRequest& request);
    unsigned reactors_wanted() const {
        return config.reactors != 0 ? config.reactors
                                    : std::max(1U, std::thread::hardware_concurrency());
    }
    // The least memory of the engine with which a part of this size fits a reactor. There may be
    // fewer reactors than wanted for want of memory; with more of it, there are more of them.
    std::uint64_t memory_for_part(std::uint64_t size) const {
        constexpr std::uint64_t kBlock = io::BufferSlab::kBlockBytes;
        const std::uint64_t lane = std::max((size + kBlock - 1) / kBlock * kBlock, kLaneMemoryMin);
        const std::uint64_t all = lane * reactors_wanted();
        const bool fits = lane <= parts.plan_options.sizing.memory_max;
        return fits ? std::min(all, config.memory_bytes) : all;
    }
    io::Task<Result<std::string>> presign(EngineLane& lane, PresignRequest request);
    io::Task<Result<Release>> release(EngineLane& lane, UploadClaim claim);
    std::string region_of(const std::string& bucket);
    template <typename Make>
    void run_task(Make make);
    template <typename T>
    io::Task<void> finish_task(io::Task<Result<T>> task, std::function<void(Result<T>)> done) {
        done(co_await std::move(task));
        task_ended();
    }
    void task_ended();
};

base::Status Engine::Impl::start_lanes() {
    unsigned count = reactors_wanted();
    const std::uint64_t fit = config.memory_bytes / kLaneMemoryMin;
    if (fit == 0) {
        return base::fail(base::ErrorKind::invalid, "memory",
                          fmt::format("part memory of {} bytes is too little, {} MiB is the least",
                                      config.memory_bytes, kLaneMemoryMin >> 20));
    }
    if (count > fit) {
        base::log_warn("fewer reactors than asked for: memory is the limit", {{"reactors", fit}});
        count = static_cast<unsigned>(fit);
    }
    const std::uint64_t lane_memory = config.memory_bytes / count;
    const LaneBudgets budgets = lane_budgets(config, count);
    client.budgets = budgets.traffic;
    parts.lanes.resize(count);
    for (EngineLane& lane : parts.lanes) {
        auto setup = [this, &lane, lane_memory, &budgets](io::Lane& self) -> base::Status {
            auto slab =
                io::BufferSlab::create(self.reactor(), lane_memory, budgets.job_memory_bytes);
            if (!slab) return std::unexpected(slab.error());
            lane.slab = std::move(*slab);
            lane.client = std::make_unique<s3client::S3Client>(self.reactor(), client);
            lane.shutdown = std::make_unique<io::CancelSource>();
            io_name = self.reactor().backend().name();
            return {};
        };
        auto teardown = [&lane] {
            lane.client.reset();
            lane.slab.reset();
            lane.shutdown.reset();
        };
        auto started =
            io::Lane::start(backend_choice(config.io), std::move(setup), std::move(teardown));
        if (!started) return std::unexpected(started.error());
        lane.lane = std::move(*started);
    }
    const std::uint64_t slab = parts.lanes.front().slab->total_bytes();
    const std::uint64_t usable =
        budgets.job_memory_bytes == 0 ? slab : std::min(slab, budgets.job_memory_bytes);
    const std::uint64_t share = usable / io::BufferSlab::kBlockBytes / io::BufferSlab::kSpareShare *
                                io::BufferSlab::kBlockBytes;
    const std::uint64_t chosen = std::clamp(share, kPreferredPartMin, kPreferredPartMax);
    parts.plan_options.sizing.preferred =
        config.part_size_bytes != 0 ? std::max(config.part_size_bytes, 2 * kPartSizeMin) : chosen;
    parts.plan_options.sizing.memory_max = slab;
    parts.plan_options.single_put_max = std::min(chosen, parts.plan_options.sizing.preferred);
    return {};
}

Result<std::unique_ptr<Engine>> Engine::create(EngineConfig config) {
    auto settings = engine_settings(config);
    if (!settings) return std::unexpected(settings.error());
    auto credentials = EngineCredentials::start(config, *settings);
    if (!credentials) return std::unexpected(credentials.error());
    auto impl = std::make_unique<Impl>();
    impl->config = std::move(config);
    impl->client = std::move(settings->client);
    impl->client.credentials = (*credentials)->own();
    impl->credentials = std::move(*credentials);
    impl->client.support = std::make_shared<s3client::StoreSupport>(impl->client.endpoint.host,
                                                                    impl->client.endpoint.aws);
    impl->parts.conditional_writes = impl->config.conditional_writes;
    impl->parts.credentials = impl->credentials.get();
    impl->parts.plan_limits.memory_bytes = impl->config.plan_memory_bytes;
    impl->parts.in_the_clear = impl->client.endpoint.aws && !impl->client.endpoint.tls;
    impl->parts.part_choice.configure(impl->config.part_layout, impl->client.endpoint);
    impl->client.on_region = [impl = impl.get()](const std::string& bucket,
                                                 const std::string& region) {
        impl->learn_region(bucket, region);
    };
    if (auto started = impl->start_lanes(); !started) {
        impl->parts.lanes.clear();
        return std::unexpected(started.error());
    }
    if (impl->client.proxies) log_proxies(*impl->client.proxies);
    base::log_info("engine started",
                   {{"io", impl->io_name},
                    {"reactors", impl->parts.lanes.size()},
                    {"memory_bytes", impl->config.memory_bytes},
                    {"part_size_bytes", impl->parts.plan_options.sizing.preferred},
                    {"region", impl->client.region},
                    {"endpoint", impl->client.endpoint.url()}});
    return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() {
    std::unique_lock lock(impl_->mutex);
    const std::set<std::shared_ptr<Job>> running = impl_->jobs;
    lock.unlock();
    for (const auto& job : running) job->recorder() != nullptr ? job->park() : job->cancel();
    for (EngineLane& lane : impl_->parts.lanes) {
        lane.lane->reactor().post([&lane] { lane.shutdown->cancel(); });
    }
    lock.lock();
    // Every wait of a cancelled job is bounded (kAbortTimeout is the longest) but for a call of the
    // worker and a disk that hangs.
    impl_->idle.wait(lock, [this] { return impl_->jobs.empty() && impl_->tasks == 0; });
    lock.unlock();
    impl_->parts.lanes.clear();
}

std::size_t Engine::Impl::take_home() {
    const std::lock_guard lock(mutex);
    return next_home++ % parts.lanes.size();
}

void Engine::Impl::task_ended() {
    const std::lock_guard lock(mutex);
    --tasks;
    idle.notify_all();
}

template <typename Make>
void Engine::Impl::run_task(Make make) {
    {
        const std::lock_guard lock(mutex);
        ++tasks;
    }
    EngineLane& lane = parts.lanes[take_home()];
    lane.lane->spawn([this, &lane, make = std::move(make)]() mutable { return make(*this, lane); });
}

void Engine::start(std::shared_ptr<Job> job, OnChange on_change) {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->jobs.insert(job);
    }
    const std::size_t home = impl_->take_home();
    impl_->parts.lanes[home].lane->spawn([impl = impl_.get(), home, job = std::move(job),
                                          on_change = std::move(on_change)]() mutable {
        return impl->run_job(home, std::move(job), std::move(on_change));
    });
}

io::Task<void> Engine::Impl::run_job(std::size_t home, std::shared_ptr<Job> job,
                                     OnChange on_change) {
    {
        ArchiveJob run(parts, home, job, std::move(on_change));
        co_await run.run();
    }
    const std::lock_guard lock(mutex);
    jobs.erase(job);
    idle.notify_all();
}

void Engine::plan(ArchiveRequest request, std::function<void(Result<PlanSummary>)> done) {
    impl_->run_task([request = std::move(request), done = std::move(done)](
                        Impl& impl, EngineLane& lane) mutable {
        return impl.run_plan(lane, std::move(request), std::move(done));
    });
}

io::Task<void> Engine::Impl::run_plan(EngineLane& lane, ArchiveRequest request,
                                      std::function<void(Result<PlanSummary>)> done) {
    done(co_await summarise(lane, request));
    task_ended();
}

io::Task<Result<PlanSummary>> Engine::Impl::summarise(EngineLane& lane,
                                                      const ArchiveRequest& request) {
    if (auto safe = check_secrets(parts, request); !safe) co_return std::unexpected(safe.error());
    const auto lease = parts.lease(request.options.role_arn, request.options.external_id);
    if (!lease) co_return std::unexpected(lease.error());
    std::array<std::atomic<std::uint64_t>, s3client::kOperationCount> asked{};
    io::Reactor& reactor = lane.lane->reactor();
    auto selection = co_await select_objects(*lane.client, reactor, parts.select_worker, request,
                                             parts.plan_limits,
                                             {.cancel = lane.shutdown.get(),
                                              .requests = &asked,
                                              .credentials = lease->get(),
                                              .flow = parts.new_flow()});
    if (!selection) co_return std::unexpected(selection.error());
    co_return co_await parts.worker.run(reactor, [&]() -> Result<PlanSummary> {
        auto manifest = Manifest::make(std::move(*selection), request);
        if (!manifest) return std::unexpected(manifest.error());
        // A plan too large for this engine says what it needs.
        PlanOptions unbounded = parts.plan_options;
        unbounded.sizing.memory_max = kPartSizeMax;
        unbounded.sizing.layout = parts.part_choice.layout_for(request.options.part_layout);
        auto plan = Plan::make(*manifest, request, unbounded);
        if (!plan) return std::unexpected(plan.error());
        PlanSummary summary;
        summary.entries = (*plan)->layout().count();
        summary.archive_size = (*plan)->layout().archive_size();
        summary.parts = (*plan)->parts().size();
        summary.part_size_bytes = (*plan)->part_size_max();
        summary.part_layout = (*plan)->part_layout();
        summary.source_bytes = (*manifest)->source_bytes();
        summary.memory_needed_bytes = memory_for_part((*plan)->part_size_max());
        summary.memory_bytes = config.memory_bytes;
        summary.requests = (*plan)->requests();
        for (std::size_t i = 0; i < asked.size(); ++i) summary.requests[i] += asked[i];
        summary.requests[static_cast<std::size_t>(s3client::Operation::head_object)] +=
            looks_before_write(request.destination, (*plan)->single_put(),
                               config.conditional_writes, lane.client->support());
        summary.cost_usd = s3client::cost_usd(summary.requests);
        summary.report = (*manifest)->report();
        return summary;
    });
}

void Engine::verify(VerifyRequest request, OnProgress on_progress,
                    std::function<void(Result<VerifyReport>)> done) {
    impl_->run_task([request = std::move(request), on_progress = std::move(on_progress),
                     done = std::move(done)](Impl& impl, EngineLane& home) mutable {
        return impl.finish_task(
            verify_archive(impl.parts, home, std::move(request), std::move(on_progress)),
            std::move(done));
    });
}

// One lane has found it out: the others need not.
void Engine::Impl::learn_region(const std::string& bucket, const std::string& region) {
    {
        const std::lock_guard lock(mutex);
        if (regions.size() >= s3client::S3Client::kRegionsMax) regions.clear();
        regions[bucket] = region;
    }
    for (EngineLane& lane : parts.lanes) {
        lane.lane->reactor().post([&lane, bucket, region] {
            if (lane.client) lane.client->learn_region(bucket, region);
        });
    }
}

void Engine::presign_get(PresignRequest request, std::function<void(Result<std::string>)> done) {
    impl_->run_task([request = std::move(request), done = std::move(done)](
                        Impl& impl, EngineLane& lane) mutable {
        return impl.finish_task(impl.presign(lane, std::move(request)), std::move(done));
    });
}

io::Task<Result<std::string>> Engine::Impl::presign(EngineLane& lane, PresignRequest request) {
    io::Reactor& reactor = lane.lane->reactor();
    auto lease = parts.lease(request.role_arn, request.external_id);
    if (!lease) co_return std::unexpected(lease.error());
    s3client::CredentialsProvider& provider = *lease ? **lease : *client.credentials;
    auto keys = provider.get();
    const bool end_soon =
        keys && (*keys)->expires_at && *(*keys)->expires_at < reactor.utc_now() + kPresignAhead;
    if (!keys || end_soon) {
        auto newer = co_await provider.renew(
            reactor, keys ? *keys : nullptr,
            {.deadline = reactor.now() + kPresignTimeout, .cancel = lane.shutdown.get()});
        if (newer || !keys) keys = std::move(newer);
    }
    if (!keys) co_return std::unexpected(keys.error());
    co_return presign_with(client, region_of(request.bucket), request, **keys);
}

std::string Engine::Impl::region_of(const std::string& bucket) {
    if (auto region = s3client::region_of_access_point(bucket)) return std::move(*region);
    const std::lock_guard lock(mutex);
    const auto found = regions.find(bucket);
    return found == regions.end() ? client.region : found->second;
}

void Engine::release_upload(UploadClaim claim, std::function<void(Result<Release>)> done) {
    impl_->run_task(
        [claim = std::move(claim), done = std::move(done)](Impl& impl, EngineLane& lane) mutable {
            return impl.finish_task(impl.release(lane, std::move(claim)), std::move(done));
        });
}

io::Task<Result<Release>> Engine::Impl::release(EngineLane& lane, UploadClaim claim) {
    if (auto safe = check_secrets(parts, claim.access); !safe)
        co_return std::unexpected(safe.error());
    const auto lease = parts.lease(claim.role_arn, claim.external_id);
    if (!lease) co_return std::unexpected(lease.error());
    co_return co_await archive::release_upload(
        *lane.client, std::move(claim),
        {.cancel = lane.shutdown.get(), .credentials = lease->get()});
}

void Engine::set_request_rates(std::uint64_t requests_per_second,
                               std::uint64_t job_requests_per_second) {
    EngineConfig config;
    config.requests_per_second = requests_per_second;
    config.job_requests_per_second = job_requests_per_second;
    const auto lanes = static_cast<unsigned>(impl_->parts.lanes.size());
    const auto traffic = lane_budgets(config, lanes).traffic;
    for (EngineLane& lane : impl_->parts.lanes) {
        lane.lane->reactor().post([&lane, traffic] {
            lane.client->admission().set_rates(traffic.requests_per_second,
                                               traffic.flow_requests_per_second);
        });
    }
}

EngineStats Engine::stats() const { return stats_of(impl_->parts.lanes, impl_->io_name); }

}  // namespace archive
