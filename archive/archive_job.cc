#include "archive/archive_job.h"

#include <fmt/format.h>

#include "archive/access_hint.h"
#include "archive/destination.h"
#include "archive/fingerprint.h"
#include "archive/manifest_codec.h"
#include "archive/recorded.h"
#include "archive/resume.h"
#include "archive/selector.h"
#include "base/log.h"

namespace archive {

using base::Result;
using base::Status;

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
      work_(std::make_shared<LaneWork>()),
      recorder_(job_->recorder()) {}

io::Task<void> ArchiveJob::run() {
    job_->set_on_cancel([work = work_, &lane = *home_.lane] {
        lane.reactor().post([work] { work->cancel.cancel(); });
    });
    auto result = co_await make_archive();
    job_->set_on_cancel({});
    job_->plan_bytes = 0;
    if (result) {
        job_->succeed(std::move(*result), reactor_.utc_now());
    } else if (result.error().kind == base::ErrorKind::cancelled && parks()) {
        job_->be_parked();
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
    co_await resume();
    if (!plan_) {
        auto reused = co_await plan_anew();
        if (!reused) co_return std::unexpected(reused.error());
        if (*reused) co_return std::move(**reused);
    }
    show_plan();
    enter(JobState::running);
    co_return co_await upload_archive();
}

void ArchiveJob::show_plan() {
    job_->objects_total = plan_->layout().count();
    job_->bytes_total = plan_->layout().archive_size();
    job_->parts_total = plan_->parts().size();
    job_->plan_bytes = plan_->memory_bytes();
}

// Where an earlier process has planned the job, its plan holds: what S3 has of it is of this plan.
io::Task<void> ArchiveJob::resume() {
    if (recorder_ == nullptr) co_return;
    Result<JobHistory> history;
    Resumption found;
    co_await engine_.worker.run(reactor_, [&] {
        history = recorder_->history(job_->request());
        if (history)
            found = resume_plan(*history, job_->request(), engine_.plan_options.sizing.memory_max);
        return true;
    });
    if (!history) {
        base::log_error("a job's journal cannot be read; it is planned anew",
                        {{"job", job_->id()}, {"error", history.error().to_string()}});
        co_return;
    }
    if (found.plan) {
        plan_ = std::move(found.plan);
        parts_ = std::move(found.parts);
        fingerprint_ = history->plan.fingerprint;
        upload_ = std::move(history->upload);
        uploads_begun_ = history->uploads_begun;
        base::log_info("a job goes on",
                       {{"job", job_->id()},
                        {"parts", plan_->parts().size()},
                        {"parts_recorded", parts_.size()},
                        {"upload_id", upload_ ? upload_->upload_id : std::string()}});
    } else if (history->upload) {
        base::log_warn("a job begins anew", {{"job", job_->id()}, {"why", found.why_not}});
        const Destination& destination = job_->request().destination;
        co_await give_up_upload(
            {destination.bucket, destination.key, std::move(history->upload->upload_id)});
    }
}

// Gives an earlier archive, if one will do.
io::Task<Result<std::optional<ArchiveResult>>> ArchiveJob::plan_anew() {
    const bool may_reuse = job_->request().options.reuse && recorder_ != nullptr;
    if (!may_reuse) {
        // Before the listing, which may take long.
        if (auto free = co_await check_target(); !free) co_return std::unexpected(free.error());
    }
    if (auto planned = co_await make_plan(); !planned) co_return std::unexpected(planned.error());
    if (may_reuse) {
        if (auto earlier = co_await find_reusable()) co_return earlier;
        if (auto free = co_await check_target(); !free) co_return std::unexpected(free.error());
    }
    co_return std::nullopt;
}

io::Task<Status> ArchiveJob::check_target() {
    const Destination& destination = job_->request().destination;
    auto free =
        co_await check_destination(*home_.client, destination, call(work_->cancel), job_->id());
    if (free && job_->request().options.checksums == Checksums::required)
        free = co_await require_checksums();
    co_return free;
}

io::Task<Status> ArchiveJob::make_plan() {
    auto selection =
        co_await select_objects(*home_.client, reactor_, engine_.select_worker, job_->request(),
                                engine_.plan_limits, call(work_->cancel));
    if (!selection) co_return std::unexpected(selection.error());
    std::vector<std::string> chunks;
    PlanOptions options = engine_.plan_options;
    options.sizing.layout = engine_.part_choice.layout_for(job_->request().options.part_layout);
    auto planned = co_await engine_.worker.run(reactor_, [&]() -> Status {
        auto manifest = Manifest::make(std::move(*selection), job_->request());
        if (!manifest) return std::unexpected(manifest.error());
        chunks = encode_manifest(**manifest, job_->request());
        fingerprint_ = fingerprint(**manifest, chunks, job_->request());
        auto plan = Plan::make(std::move(*manifest), job_->request(), options);
        if (!plan) return std::unexpected(plan.error());
        plan_ = std::move(*plan);
        return {};
    });
    if (!planned) co_return planned;
    base::log_info("job planned", {{"job", job_->id()},
                                   {"entries", plan_->layout().count()},
                                   {"bytes", plan_->layout().archive_size()},
                                   {"parts", plan_->parts().size()}});
    co_await record_plan(std::move(chunks));
    co_return planned;
}

io::Task<void> ArchiveJob::record_plan(std::vector<std::string> manifest_chunks) {
    if (recorder_ == nullptr) co_return;
    PlanRecord record = co_await engine_.worker.run(reactor_, [&] { return plan_->record(); });
    record.fingerprint = fingerprint_;
    co_await recorded(reactor_, [&](JobRecorder::Done done) {
        recorder_->planned(std::move(record), std::move(manifest_chunks), std::move(done));
    });
}

// The same archive in parts of one size.
io::Task<Status> ArchiveJob::plan_uniform_parts() {
    std::vector<std::string> chunks;
    PlanOptions options = engine_.plan_options;
    options.sizing.layout = PartLayout::uniform;
    options.sizing.parts_min = plan_->parts().size();
    auto planned = co_await engine_.worker.run(reactor_, [&]() -> Status {
        auto plan = Plan::make(plan_->shared_manifest(), job_->request(), options);
        if (!plan) return std::unexpected(plan.error());
        plan_ = std::move(*plan);
        if (recorder_ != nullptr) chunks = encode_manifest(plan_->manifest(), job_->request());
        return {};
    });
    if (!planned) co_return planned;
    parts_.clear();
    upload_.reset();
    uploads_begun_ = 0;
    show_plan();
    co_await record_plan(std::move(chunks));
    co_return planned;
}

// An archive that an earlier job made of the same objects, and that nobody has touched since.
io::Task<std::optional<ArchiveResult>> ArchiveJob::find_reusable() {
    if (fingerprint_.empty()) co_return std::nullopt;
    const Destination& destination = job_->request().destination;
    auto earlier = co_await engine_.worker.run(
        reactor_, [&] { return recorder_->find_archive(fingerprint_, destination.bucket); });
    if (!earlier) co_return std::nullopt;
    const auto& scope = job_->request().scope;
    if (scope && !scope->may_write(earlier->bucket, earlier->key)) co_return std::nullopt;
    auto head = co_await home_.client->head_object({earlier->bucket, earlier->key, {}},
                                                   s3client::WithChecksum::no,
                                                   destination_call(work_->cancel));
    const bool same = head && head->size == earlier->size &&
                      head->version_id == earlier->version_id &&
                      s3client::quote_etag(head->etag) == earlier->etag;
    const bool must_be_checked = job_->request().options.checksums == Checksums::required;
    if (must_be_checked && !earlier->checked) co_return std::nullopt;
    if (!same) co_return std::nullopt;
    earlier->reused = true;
    earlier->report = plan_->manifest().report();
    co_return earlier;
}

// Known from earlier answers, else found out with an upload that is aborted at once.
io::Task<Status> ArchiveJob::require_checksums() {
    const Destination& destination = job_->request().destination;
    if (home_.client->support().checking() == s3client::StoreSupport::Checking::unknown) {
        auto created = co_await create_recorded_upload();
        if (!created) co_return base::fail(with_access_hint(created.error(), destination.access));
        co_await give_up_upload(
            {destination.bucket, destination.key, std::move(created->upload_id)});
    }
    if (home_.client->support().checking() == s3client::StoreSupport::Checking::checked)
        co_return Status{};
    co_return base::fail(base::ErrorKind::invalid, "checksums_not_checked",
                         fmt::format("the store of {} does not check what it is sent, and the job "
                                     "requires it",
                                     destination.bucket));
}

void ArchiveJob::enter(JobState state) {
    job_->enter(state, reactor_.utc_now());
    if (on_change_) on_change_(job_);
}

}  // namespace archive
