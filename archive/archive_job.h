// One job, from its sources to the archive. Lives on its home lane; its parts are done on all
// lanes.
#pragma once

#include <atomic>
#include <cmath>
#include <memory>
#include <vector>

#include "archive/archive_write.h"
#include "archive/engine.h"
#include "archive/engine_credentials.h"
#include "archive/part_board.h"
#include "archive/part_builder.h"
#include "archive/part_choice.h"
#include "archive/plan.h"
#include "archive/plan_limits.h"
#include "io/lane.h"
#include "io/slab.h"
#include "io/worker_thread.h"

namespace archive {

// What each reactor of the engine has. Used on its lane's thread only, but for the lane itself.
struct EngineLane {
    std::unique_ptr<io::BufferSlab> slab;
    std::unique_ptr<s3client::S3Client> client;
    std::unique_ptr<io::CancelSource> shutdown;  // of what is not a job: plans, verifications
    std::unique_ptr<io::Lane> lane;
};

// Of the engine, for all jobs.
struct EngineParts {
    std::vector<EngineLane> lanes;
    io::WorkerThread worker;
    io::WorkerThread select_worker;  // for select_objects(): short turns, not behind long plans
    PlanLimits plan_limits;
    PlanOptions plan_options;
    PartChoice part_choice;
    bool in_the_clear = false;  // AWS without TLS: no place to send customers' keys to
    Use conditional_writes = Use::automatic;
    EngineCredentials* credentials = nullptr;
    std::atomic<std::uint64_t> flows{0};

    // A new one, for a job, a plan, a verification. 25 of priority double its share.
    io::Flow new_flow(int priority = 0) {
        return {.id = ++flows, .weight = std::exp2(priority / 25.0)};
    }
    // Of a role that a request names, as long as the lease is held; null for "", which is ours.
    base::Result<EngineCredentials::Lease> lease(const std::string& role_arn,
                                                 const std::string& external_id) const {
        if (role_arn.empty()) return EngineCredentials::Lease();
        return credentials->of_role(role_arn, external_id);
    }
};

// AWS refuses a customer's key that came without TLS; but then it has been heard on the way.
base::Status check_secrets(const EngineParts& engine, const s3client::Access& access);
base::Status check_secrets(const EngineParts& engine, const ArchiveRequest& request);

class ArchiveJob {
  public:
    ArchiveJob(EngineParts& engine, std::size_t home, std::shared_ptr<Job> job,
               Engine::OnChange on_change);

    // Runs the job to its end; the Job then has its result or error, and no upload of it is left
    // open that S3 would let us abort.
    io::Task<void> run();

  private:
    // Cancels what one job does on one lane. Shared, since "stop" may arrive when it has ended.
    struct LaneWork {
        io::CancelSource cancel;
    };

    // What an earlier process left of the upload, or a new one.
    struct Upload {
        s3client::UploadTarget target;
        std::vector<PartRecord> stored;
    };

    io::Task<base::Result<ArchiveResult>> make_archive();
    io::Task<void> resume();
    io::Task<base::Result<std::optional<ArchiveResult>>> plan_anew();
    io::Task<base::Status> make_plan();
    io::Task<void> record_plan(std::vector<std::string> manifest_chunks);
    io::Task<base::Status> check_target();
    io::Task<std::optional<ArchiveResult>> find_reusable();
    io::Task<base::Result<ArchiveResult>> upload_archive();
    io::Task<base::Result<ArchiveResult>> upload_once();
    // After a failed upload: whether another one with other parts may do.
    bool may_use_uniform_parts(base::Error& error);
    io::Task<base::Status> plan_uniform_parts();
    void show_plan();
    io::Task<base::Result<Upload>> open_upload();
    io::Task<std::optional<ArchiveResult>> find_finished();
    io::Task<base::Result<ArchiveResult>> transfer_and_finish(Upload upload);
    io::Task<void> give_up_upload(s3client::UploadTarget upload);
    io::Task<base::Result<s3client::UploadTarget>> create_upload();
    io::Task<base::Result<s3client::UploadTarget>> create_recorded_upload();
    // Errors: invalid "checksums_not_checked".
    io::Task<base::Status> require_checksums();
    io::Task<base::Status> transfer(PartBoard& board);
    io::Task<void> work_on(EngineLane& lane, PartBoard& board, std::shared_ptr<LaneWork> work,
                           std::size_t shards_max);
    io::Task<bool> run_shards(EngineLane& lane, PartBoard& board, LaneWork& work,
                              std::size_t shards_max);
    io::Task<void> run_shards_in_turn(EngineLane& lane, PartBoard& board, LaneWork& work,
                                      io::Semaphore& turn);
    void enter(JobState state);
    void forget_progress();
    bool parks() const { return job_->park_requested() && !job_->cancel_requested(); }
    ShardContext context_on(EngineLane& lane, io::CancelSource& cancel) {
        return {lane.lane->reactor(), *lane.client, *lane.slab, call(cancel), recorder_};
    }
    s3client::CallContext call(io::CancelSource& cancel) {
        s3client::CallContext context{.cancel = &cancel, .requests = &job_->requests};
        context.retries = &job_->retries;
        context.job = job_->id();
        context.retry_budget = &retry_budget_;
        context.credentials = credentials_.get();
        context.flow = flow_;
        return context;
    }

    s3client::CallContext destination_call(io::CancelSource& cancel) {
        s3client::CallContext context = call(cancel);
        context.access = &job_->request().destination.access;
        return context;
    }

    EngineParts& engine_;
    EngineLane& home_;
    io::Reactor& reactor_;
    std::shared_ptr<Job> job_;
    const io::Flow flow_;  // of all the job does, on every lane
    Engine::OnChange on_change_;
    s3client::RetryBudget retry_budget_;
    EngineCredentials::Lease credentials_;  // of the job's role; null: the engine's own
    std::shared_ptr<LaneWork> work_;        // on the home lane: planning and finishing
    JobRecorder* const recorder_;           // null: nobody remembers
    std::shared_ptr<const Plan> plan_;
    std::string fingerprint_;
    // Of earlier processes, and of an upload of this one that is lost.
    std::vector<PartRecord> parts_;
    std::optional<UploadRecord> upload_;
    unsigned uploads_begun_ = 0;
};

}  // namespace archive
