// ArchiveJob from the plan on: the upload, begun or found, its parts on all lanes, its end.
#include <fmt/format.h>
#include <algorithm>

#include "archive/access_hint.h"
#include "archive/archive_job.h"
#include "archive/destination.h"
#include "archive/finisher.h"
#include "archive/recorded.h"
#include "archive/resume.h"
#include "archive/shard_executor.h"
#include "archive/stored_parts.h"
#include "base/log.h"

namespace archive {
namespace {

using base::Result;
using base::Status;

// Shards under way on one lane at most; memory is the usual limit.
constexpr std::size_t kShardsPerLaneMax = 32;

// A CreateMultipartUpload that was sent is waited for even when the job is cancelled, or nobody
// would know the id of the upload that S3 has opened; but not for longer than this.
constexpr base::Duration kCreateGrace = std::chrono::seconds(5);

// An upload whose parts a store does not list within this time is given up. s3proxy answers 500 for
// ever once a part of it was cut.
constexpr base::Duration kListPartsTimeout = std::chrono::seconds(30);

// An upload that was aborted from outside, that lacks parts which S3 said it had, or that S3 wants
// to be started again after a conflict, is started once more. A store that refuses checksums costs
// at most one upload for each kind.
constexpr unsigned kUploadsMax = 2, kChecksumKinds = 2;

bool may_upload_again(const base::Error& error, unsigned uploads_begun) {
    if (error.code == "checksums_refused") return uploads_begun < kUploadsMax + kChecksumKinds;
    const bool lost = error.code == "NoSuchUpload" || error.code == "part_changed" ||
                      error.code == "ConditionalRequestConflict";
    return lost && uploads_begun < kUploadsMax;
}

// S3 may have done what it was asked for: only the answer is missing.
bool is_in_doubt(base::ErrorKind kind) {
    using base::ErrorKind;
    return kind == ErrorKind::transient || kind == ErrorKind::throttled ||
           kind == ErrorKind::corrupt || kind == ErrorKind::cancelled;
}

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

io::Task<Result<ArchiveResult>> ArchiveJob::upload_archive() {
    for (;;) {
        auto result = co_await upload_once();
        if (result) result->fingerprint = fingerprint_;
        if (!result && may_use_uniform_parts(result.error())) {
            if (auto planned = co_await plan_uniform_parts(); !planned)
                co_return std::unexpected(planned.error());
            forget_progress();
            enter(JobState::running);
            continue;
        }
        if (result || !may_upload_again(result.error(), uploads_begun_)) co_return result;
        base::log_warn("the upload of a job failed; the job starts another one",
                       {{"job", job_->id()}, {"error", result.error().to_string()}});
        forget_progress();
        enter(JobState::running);
    }
}

bool ArchiveJob::may_use_uniform_parts(base::Error& error) {
    if (!refuses_part_lengths(error) || plan_->single_put()) return false;
    const Destination& destination = job_->request().destination;
    if (are_uniform(plan_->parts())) {
        if (plan_->part_layout() == PartLayout::uniform) engine_.part_choice.forget_uniform();
        return false;
    }
    const std::string_view chosen =
        engine_.part_choice.chosen_by(job_->request().options.part_layout);
    const PartLayout layout = engine_.part_choice.layout_for(job_->request().options.part_layout);
    if (!chosen.empty() && layout == PartLayout::entries) {
        error.detail += fmt::format(
            " (the store seems to require parts of one length, and {} is entries: set it to "
            "uniform, or leave it out)",
            chosen);
        return false;
    }
    if (engine_.part_choice.learn_uniform()) {
        base::log_warn(
            "this store requires parts of one length: the job starts again with such parts, later "
            "jobs begin with them; part_layout = \"uniform\" saves the first attempt",
            {{"job", job_->id()},
             {"endpoint", engine_.part_choice.endpoint()},
             {"bucket", destination.bucket},
             {"error", error.to_string()}});
    } else {
        base::log_info("a job starts again with parts of one length",
                       {{"job", job_->id()}, {"error", error.to_string()}});
    }
    return true;
}

io::Task<Result<ArchiveResult>> ArchiveJob::upload_once() {
    if (plan_->single_put()) {
        if (auto finished = co_await find_finished()) co_return std::move(*finished);
        if (upload_) {  // that tried the store out
            const Destination& destination = job_->request().destination;
            co_await give_up_upload({destination.bucket, destination.key, upload_->upload_id});
            upload_.reset();
        }
        co_return co_await transfer_and_finish({});
    }
    if (!upload_) {
        // All was sent once, and of the upload nothing is left: it may be the archive by now.
        if (auto finished = co_await find_finished()) co_return std::move(*finished);
    }
    auto upload = co_await open_upload();
    if (!upload) {
        // What an earlier process has completed is no upload any more.
        if (upload.error().code == "NoSuchUpload") {
            if (auto finished = co_await find_finished()) co_return std::move(*finished);
        }
        co_return std::unexpected(upload.error());
    }
    co_return co_await transfer_and_finish(std::move(*upload));
}

io::Task<Result<ArchiveJob::Upload>> ArchiveJob::open_upload() {
    const Destination& destination = job_->request().destination;
    if (!upload_) {
        auto created = co_await create_recorded_upload();
        if (!created) co_return base::fail(with_access_hint(created.error(), destination.access));
        ++uploads_begun_;
        co_return Upload{std::move(*created), {}};
    }
    Upload upload{{destination.bucket, destination.key, upload_->upload_id, upload_->checksums,
                   upload_->checked},
                  {}};
    upload_.reset();
    std::vector<PartResult> sent;
    for (const PartRecord& record : parts_) sent.push_back(record.part);
    s3client::CallContext context = destination_call(work_->cancel);
    context.timeout = kListPartsTimeout;
    auto stored = co_await stored_parts(*home_.client, upload.target, std::move(sent),
                                        WithoutCrc32::same_etag, context);
    if (!stored && stored.error().http_status >= 500 && !work_->cancel.cancelled()) {
        base::log_warn("the store cannot list the parts of an upload; the job starts another one",
                       {{"job", job_->id()},
                        {"upload_id", upload.target.upload_id},
                        {"error", stored.error().to_string()}});
        co_await give_up_upload(std::move(upload.target));
        parts_.clear();
        co_return co_await open_upload();
    }
    // Who may not look sends all of it again.
    if (!stored && stored.error().kind == base::ErrorKind::denied)
        stored = std::vector<PartResult>();
    if (!stored) {
        if (!parks()) co_await give_up_upload(std::move(upload.target));
        co_return std::unexpected(stored.error());
    }
    auto record = parts_.begin();
    for (PartResult& part : *stored) {
        while (record->part.number != part.number) ++record;
        upload.stored.push_back({std::move(part), record->pieces, record->compared});
    }
    co_return upload;
}

// The archive, if an earlier process finished it and died before it could say so.
io::Task<std::optional<ArchiveResult>> ArchiveJob::find_finished() {
    const auto crc32 = crc32_of_all(*plan_, parts_);
    if (!crc32) co_return std::nullopt;  // not all of it was ever sent
    const Destination& destination = job_->request().destination;
    const std::uint64_t size = plan_->layout().archive_size();
    auto head = co_await archive::find_finished(*home_.client, destination, job_->id(), size,
                                                *crc32, call(work_->cancel));
    if (!head || !*head) co_return std::nullopt;
    ArchiveResult result{
        .bucket = destination.bucket,
        .key = destination.key,
        .etag = s3client::quote_etag((*head)->etag),
        .version_id = (*head)->version_id,
        .size = size,
        .entries = plan_->layout().count(),
        .crc32 = *crc32,
        .report = plan_->manifest().report(),
        .checked = !(*head)->checksum_crc32.empty() || !(*head)->composite_crc32.empty(),
        .checksums = (*head)->composite_crc32.empty() ? s3client::ChecksumMode::full_object
                                                      : s3client::ChecksumMode::composite,
        .guard = destination.overwrite ? OverwriteGuard::none : OverwriteGuard::checked};
    for (const PartRecord& record : parts_) result.compared += record.compared;
    job_->objects_done = result.entries;
    job_->bytes_done = size;
    job_->parts_done = plan_->parts().size();
    base::log_info("a job had finished before", {{"job", job_->id()}});
    co_return result;
}

io::Task<Result<ArchiveResult>> ArchiveJob::transfer_and_finish(Upload upload) {
    const Destination& destination = job_->request().destination;
    PartBoard board(reactor_, plan_, upload.target, *job_, std::move(upload.stored));
    Result<ArchiveResult> result;
    if (auto moved = co_await transfer(board); !moved) {
        result = std::unexpected(moved.error());
    } else {
        enter(JobState::finishing);
        result =
            co_await finish_archive(context_on(home_, work_->cancel), *plan_, board, upload.target,
                                    destination, job_->id(), engine_.conditional_writes);
    }
    if (plan_->single_put()) co_return result;
    if (result) {
        result->checked = upload.target.checked;
        result->checksums = upload.target.checksums;
    } else if (result.error().kind != base::ErrorKind::cancelled || !parks()) {
        // All that was under way has ended, so nothing of ours can be added to the upload after
        // this.
        co_await give_up_upload(std::move(upload.target));
    }
    co_return result;
}

io::Task<void> ArchiveJob::give_up_upload(s3client::UploadTarget upload) {
    std::string upload_id = upload.upload_id;
    auto aborted =
        co_await abort_upload(*home_.client, std::move(upload), destination_call(work_->cancel));
    if (aborted && recorder_ != nullptr) recorder_->upload_over(std::move(upload_id));
}

// S3 may have opened an upload whose id nobody was told: that is recorded before it is asked.
io::Task<Result<s3client::UploadTarget>> ArchiveJob::create_recorded_upload() {
    if (recorder_ == nullptr) co_return co_await create_upload();
    co_await recorded(reactor_,
                      [&](JobRecorder::Done done) { recorder_->upload_begins(std::move(done)); });
    // S3 may have opened one at each attempt. Then what was recorded stays, and is looked for.
    auto& sent =
        job_->requests[static_cast<std::size_t>(s3client::Operation::create_multipart_upload)];
    const std::uint64_t before = sent.load(std::memory_order_relaxed);
    auto created = co_await create_upload();
    const bool only_one = sent.load(std::memory_order_relaxed) <= before + 1;
    if (created && !only_one) {
        co_await recorded(
            reactor_, [&](JobRecorder::Done done) { recorder_->upload_begins(std::move(done)); });
    }
    if (created) {
        co_await recorded(reactor_, [&](JobRecorder::Done done) {
            recorder_->upload_begun({created->upload_id, created->checked, created->checksums},
                                    std::move(done));
        });
    } else if (only_one && !is_in_doubt(created.error().kind)) {
        recorder_->upload_over({});
    }
    co_return created;
}

io::Task<Result<s3client::UploadTarget>> ArchiveJob::create_upload() {
    if (work_->cancel.cancelled())
        co_return base::fail(base::ErrorKind::cancelled, "cancelled", "the job was cancelled");
    const Destination& destination = job_->request().destination;
    LateCancel late(reactor_, work_->cancel);
    co_return co_await home_.client->create_multipart_upload(
        destination.bucket, destination.key, object_headers(destination, job_->id()),
        destination_call(late.source()));
}

io::Task<Status> ArchiveJob::transfer(PartBoard& board) {
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

    const std::size_t parts_in_memory = home_.slab->total_bytes() / plan_->part_size_max();
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
    const ShardContext context = context_on(lane, work.cancel);
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

void ArchiveJob::forget_progress() {
    job_->objects_done = 0;
    job_->bytes_done = 0;
    job_->parts_done = 0;
}

}  // namespace archive
