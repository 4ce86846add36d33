#include "archive/archive_job.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/access_hint.h"
#include "archive/destination.h"
#include "archive/finisher.h"
#include "archive/selector.h"
#include "archive/shard_executor.h"

namespace archive {
namespace {

using base::Result;
using base::Status;

// Shards under way on one lane at most; memory is the usual limit.
constexpr std::size_t kShardsPerLaneMax = 32;

// A CreateMultipartUpload that was sent is waited for even when the job is cancelled, or nobody
// would know the id of the upload that S3 has opened; but not for longer than this.
constexpr base::Duration kCreateGrace = std::chrono::seconds(5);

// Cancels later than the source it follows.
class LateCancel final : io::CancelHook, io::Timer {
  public:
    LateCancel(io::Reactor& reactor, io::CancelSource& early) : reactor_(reactor) {
        early.hook(*this);
    }
    ~LateCancel() { reactor_.timers().disarm(*this); }
    io::CancelSource& source() { return late_; }

  private:
    void on_cancel() override { reactor_.timers().arm(*this, reactor_.now() + kCreateGrace); }
    void on_timer() override { late_.cancel(); }
    io::Reactor& reactor_;
    io::CancelSource late_;
};

}  // namespace

base::Status check_secrets(const EngineParts& engine, const s3client::Access& access) {
    if (!engine.in_the_clear || !access.customer_key) return {};
    return base::fail(base::ErrorKind::invalid, "customer_key_in_the_clear",
                      "a customer key is not sent to AWS without TLS: use an https endpoint");
}

base::Status check_secrets(const EngineParts& engine, const ArchiveRequest& request) {
    for (const Source& source : request.sources) {
        if (auto safe = check_secrets(engine, source.access); !safe) return safe;
    }
    return check_secrets(engine, request.destination.access);
}

ArchiveJob::ArchiveJob(EngineParts& engine, std::size_t home, std::shared_ptr<Job> job,
                       Engine::OnChange on_change)
    : engine_(engine),
      home_(engine.lanes[home]),
      reactor_(home_.lane->reactor()),
      job_(std::move(job)),
      flow_(engine.new_flow(job_->request().options.priority)),
      on_change_(std::move(on_change)),
      work_(std::make_shared<LaneWork>()) {}

io::Task<void> ArchiveJob::run() {
    job_->set_on_cancel([work = work_, &lane = *home_.lane] {
        lane.reactor().post([work] { work->cancel.cancel(); });
    });
    auto result = co_await make_archive();
    job_->set_on_cancel({});
    if (result) {
        job_->succeed(std::move(*result), reactor_.utc_now());
    } else {
        job_->fail(std::move(result.error()), reactor_.utc_now());
    }
    if (on_change_) on_change_(job_);
}

io::Task<Result<ArchiveResult>> ArchiveJob::make_archive() {
    enter(JobState::planning);
    if (auto safe = check_secrets(engine_, job_->request()); !safe)
        co_return std::unexpected(safe.error());
    const Options& options = job_->request().options;
    auto lease = engine_.lease(options.role_arn, options.external_id);
    if (!lease) co_return std::unexpected(lease.error());
    credentials_ = std::move(*lease);
    auto free =
        co_await check_destination(*home_.client, job_->request().destination, call(work_->cancel));
    if (!free) co_return std::unexpected(free.error());
    if (options.checksums == Checksums::required) {
        if (auto checks = co_await require_checksums(); !checks)
            co_return std::unexpected(checks.error());
    }
    auto plan = co_await make_plan();
    if (!plan) co_return std::unexpected(plan.error());
    enter(JobState::running);
    co_return co_await upload_archive(std::move(*plan));
}

io::Task<Result<std::shared_ptr<const Plan>>> ArchiveJob::make_plan() {
    auto selection = co_await select_objects(*home_.client, reactor_, engine_.worker,
                                             job_->request(), call(work_->cancel));
    if (!selection) co_return std::unexpected(selection.error());
    auto plan = co_await engine_.worker.run(reactor_, [&]() -> Result<std::shared_ptr<const Plan>> {
        auto manifest = Manifest::make(std::move(*selection), job_->request());
        if (!manifest) return std::unexpected(manifest.error());
        return Plan::make(std::move(*manifest), job_->request(), engine_.plan_options);
    });
    if (!plan) co_return plan;
    job_->objects_total = (*plan)->layout().count();
    job_->bytes_total = (*plan)->layout().archive_size();
    job_->parts_total = (*plan)->parts().size();
    co_return plan;
}

io::Task<Result<ArchiveResult>> ArchiveJob::upload_archive(std::shared_ptr<const Plan> plan) {
    const Destination& destination = job_->request().destination;
    s3client::UploadTarget upload{destination.bucket, destination.key, {}};
    bool checked = false;
    if (!plan->single_put()) {
        auto created = co_await create_upload();
        if (!created) co_return base::fail(with_access_hint(created.error(), destination.access));
        upload.upload_id = std::move(created->upload_id);
        checked = created->checked;
    }
    PartBoard board(reactor_, plan, upload, *job_);
    Result<ArchiveResult> result;
    if (auto moved = co_await transfer(board, *plan); !moved) {
        result = std::unexpected(moved.error());
    } else {
        enter(JobState::finishing);
        const ShardContext context{reactor_, *home_.client, *home_.slab, call(work_->cancel)};
        result = co_await finish_archive(context, *plan, board, upload, destination);
    }
    if (!result && !plan->single_put()) {
        // All that was under way has ended, so nothing of ours can be added to the upload after
        // this.
        co_await abort_upload(*home_.client, upload, destination_call(work_->cancel));
    }
    if (result && !plan->single_put()) result->checked = checked;
    co_return result;
}

io::Task<Result<s3client::CreatedUpload>> ArchiveJob::create_upload() {
    if (work_->cancel.cancelled())
        co_return base::fail(base::ErrorKind::cancelled, "cancelled", "the job was cancelled");
    const Destination& destination = job_->request().destination;
    LateCancel late(reactor_, work_->cancel);
    co_return co_await home_.client->create_multipart_upload(destination.bucket, destination.key,
                                                             object_headers(destination),
                                                             destination_call(late.source()));
}

// Known from earlier answers, else found out with an upload that is aborted at once.
io::Task<Status> ArchiveJob::require_checksums() {
    const Destination& destination = job_->request().destination;
    if (home_.client->checksums() == s3client::Checking::unknown) {
        auto created = co_await create_upload();
        if (!created) co_return base::fail(with_access_hint(created.error(), destination.access));
        co_await abort_upload(*home_.client,
                              {destination.bucket, destination.key, std::move(created->upload_id)},
                              destination_call(work_->cancel));
    }
    if (home_.client->checksums() == s3client::Checking::checked) co_return Status{};
    co_return base::fail(base::ErrorKind::invalid, "checksums_not_checked",
                         fmt::format("the store of {} does not check what it is sent, and the job "
                                     "requires it",
                                     destination.bucket));
}

io::Task<Status> ArchiveJob::transfer(PartBoard& board, const Plan& plan) {
    // "Stop" ends the board, and the board's end ends the work on every lane.
    struct StopBoard final : io::CancelHook {
        explicit StopBoard(PartBoard& b) : board(b) {}
        void on_cancel() override {
            board.fail(
                {base::ErrorKind::cancelled, "cancelled", "the job was cancelled", 0, {}, {}});
        }
        PartBoard& board;
    } stop(board);
    if (work_->cancel.cancelled())
        stop.on_cancel();
    else
        work_->cancel.hook(stop);

    const std::size_t parts_in_memory = home_.slab->total_bytes() / plan.part_size_max();
    const std::size_t shards_max =
        std::clamp<std::size_t>(parts_in_memory + 1, 1, kShardsPerLaneMax);
    io::TaskScope scope(reactor_);
    std::vector<std::shared_ptr<LaneWork>> works;
    for (EngineLane& lane : engine_.lanes) {
        works.push_back(std::make_shared<LaneWork>());
        scope.spawn(work_on(lane, board, works.back(), shards_max));
    }
    auto done = co_await board.wait_until_done();
    if (!done) {
        for (std::size_t i = 0; i < works.size(); ++i) {
            engine_.lanes[i].lane->reactor().post([work = works[i]] { work->cancel.cancel(); });
        }
    }
    co_await scope.join();
    co_return done;
}

io::Task<void> ArchiveJob::work_on(EngineLane& lane, PartBoard& board,
                                   std::shared_ptr<LaneWork> work, std::size_t shards_max) {
    co_await io::run_on(reactor_, *lane.lane,
                        [&] { return run_shards(lane, board, *work, shards_max); });
}

// On `lane` from here on.
io::Task<bool> ArchiveJob::run_shards(EngineLane& lane, PartBoard& board, LaneWork& work,
                                      std::size_t shards_max) {
    io::TaskScope scope(lane.lane->reactor());
    // One of them at a time takes a part and waits for its memory: what is taken and waits could be
    // done by another lane meanwhile.
    io::Semaphore turn(lane.lane->reactor(), 1);
    for (std::size_t i = 0; i < shards_max; ++i)
        scope.spawn(run_shards_in_turn(lane, board, work, turn));
    co_await scope.join();
    co_return true;
}

io::Task<void> ArchiveJob::run_shards_in_turn(EngineLane& lane, PartBoard& board, LaneWork& work,
                                              io::Semaphore& turn) {
    io::Reactor& here = lane.lane->reactor();
    const ShardContext context{here, *lane.client, *lane.slab, call(work.cancel)};
    for (;;) {
        // Without bounds: who has the turn gives it on, its waits have bounds.
        static_cast<void>(co_await turn.acquire(1, {}));
        auto shard = co_await io::run_on(here, *home_.lane, [&] { return board.take(); });
        Result<io::PartMemory> memory;
        if (shard) memory = co_await reserve_for(context, shard->parts.front());
        turn.release(1);
        if (!shard) co_return;
        auto result = co_await execute_shard(context, *shard, std::move(memory));
        co_await io::run_on(here, *home_.lane, [&] { return board.finish(std::move(result)); });
    }
}

void ArchiveJob::enter(JobState state) {
    job_->enter(state, reactor_.utc_now());
    if (on_change_) on_change_(job_);
}

}  // namespace archive
