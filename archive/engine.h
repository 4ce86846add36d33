// The engine: N reactor threads, each with its own ring, S3 client and part memory, and the jobs
// that run on them. The daemon, the command and the Lambda worker each own exactly one.
//
// Thread-safe: call it from any thread. Callbacks come on a reactor thread and must be quick and
// not block (post to your own executor). Destroying it cancels what runs, waits for the uploads to
// be aborted (bounded), joins its threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/engine_stats.h"
#include "archive/job.h"
#include "archive/part_layout.h"
#include "archive/request.h"
#include "archive/upload_release.h"
#include "archive/verify.h"
#include "base/error.h"
#include "s3client/credentials/shared_settings.h"
#include "s3client/environment.h"
#include "s3client/retry.h"

namespace archive {

enum class IoChoice : std::uint8_t { automatic, uring, epoll };
// Whether a request asks the store to refuse to replace an object (If-None-Match), or whether a
// late part is sent a second time. `automatic` depends on the store.
enum class Use : std::uint8_t { automatic, always, never };

struct EngineConfig {
    IoChoice io = IoChoice::automatic;  // automatic: io_uring if the kernel lets us, else epoll,
                                        // said in the log
    unsigned reactors = 0;              // 0: one per core
    std::uint64_t memory_bytes = 256 << 20;  // part memory of all reactors together
    std::uint64_t part_size_bytes = 0;       // default part size; 0: chosen by the planner
    unsigned connections_max = 128;          // per reactor
    // Budgets, of all reactors together, divided among them; 0: no limit. One part and one request
    // at a time a job always has, on each reactor.
    std::uint64_t job_memory_bytes = 0;         // part memory of one job
    std::uint64_t plan_memory_bytes = 1 << 30;  // of the plan of one job (plan_limits.h); no 0
    unsigned job_connections_max = 0;           // requests under way of one job
    std::uint64_t requests_per_second = 0;      // of all
    std::uint64_t job_requests_per_second = 0;  // of one job
    std::string addressing = "auto";            // auto | path | virtual
    Use conditional_writes = Use::automatic;
    Use hedged_uploads = Use::automatic;             // automatic: to AWS's endpoints only
    PartLayout part_layout = PartLayout::automatic;  // of jobs whose options choose none
    bool no_sign_request = false;  // no credentials are looked up, no request is signed
    // What is empty here is looked up as the SDKs do: in AWS_* variables, then in the profile.
    std::string region;              // found nowhere: us-east-1
    std::string endpoint_url;        // http(s)://host[:port]; found nowhere: AWS's of the region
    std::optional<bool> dual_stack;  // IPv6, too; of AWS's endpoints only
    std::optional<s3client::ChecksumUse> checksums;  // found nowhere: when_supported
    std::string ca_bundle;                           // PEM file; found nowhere: the system's
    std::string profile;                             // its keys then win over the variables'
    std::string access_key_id, secret_access_key, session_token;
    s3client::Environment environment = s3client::process_environment();
    std::uint64_t attempts_max = 8;             // per S3 request
    std::uint64_t request_timeout_ms = 60'000;  // of a wait for S3, without a byte
    // Of a call with all its attempts, without progress; at least request_timeout_ms.
    std::uint64_t stall_timeout_ms = 90'000;
    // An earlier process was answered: then S3 that is away is waited for from the start.
    bool endpoint_has_answered = false;
    s3client::RetryOptions retry;  // the delays; attempts_max is the one above
};

struct PlanSummary {
    std::uint64_t entries = 0;
    std::uint64_t archive_size = 0;
    std::uint64_t parts = 0;
    std::uint64_t part_size_bytes = 0;             // of the largest part
    PartLayout part_layout = PartLayout::entries;  // entries or uniform
    std::uint64_t source_bytes = 0;                // read from S3
    // What EngineConfig::memory_bytes must be for a part to fit a reactor, and what it is. A job
    // that needs more than there is fails with `memory`.
    std::uint64_t memory_needed_bytes = 0, memory_bytes = 0;
    s3client::RequestCounts requests{};  // the job's, planning included, no retries
    double cost_usd = 0;
    std::shared_ptr<const ObjectReport> report = std::make_shared<const ObjectReport>();
};

struct PresignRequest {
    std::string bucket, key;
    std::uint64_t expires_s = 0;            // 1..604800; the URL ends earlier if the keys do
    std::string role_arn{}, external_id{};  // signed with the keys of this role; empty: our own
    s3client::Access access{};
};

class Engine {
  public:
    static base::Result<std::unique_ptr<Engine>> create(EngineConfig config);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Starts the job at once; how many run together is the caller's business. on_change comes at
    // every change of state; the last one has has_ended(). Never blocks.
    using OnChange = std::function<void(const std::shared_ptr<Job>&)>;
    void start(std::shared_ptr<Job> job, OnChange on_change);

    // What a job of this request would do. Lists the sources (so it costs those requests), moves
    // nothing.
    void plan(ArchiveRequest request, std::function<void(base::Result<PlanSummary>)> done);

    // Reads an archive back and checks everything: structure, local headers, all CRCs.
    // on_progress(bytes read, bytes in all) may be empty; it comes from all reactors, side by side.
    using OnProgress = std::function<void(std::uint64_t, std::uint64_t)>;
    void verify(VerifyRequest request, OnProgress on_progress,
                std::function<void(base::Result<VerifyReport>)> done);

    // A GET URL that works without credentials. Asks S3 nothing, but may have to wait for keys.
    // Of an object with a customer's key there is none: invalid "customer_key".
    void presign_get(PresignRequest request, std::function<void(base::Result<std::string>)> done);

    // Removes an upload that a job has left behind; `known` of the claim saves those of other jobs.
    void release_upload(UploadClaim claim, std::function<void(base::Result<Release>)> done);

    // As EngineConfig has them, from now on.
    void set_request_rates(std::uint64_t requests_per_second,
                           std::uint64_t job_requests_per_second);

    EngineStats stats() const;

  private:
    struct Impl;
    explicit Engine(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace archive
