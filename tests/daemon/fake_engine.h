// An engine without S3: it does what the test says, when the test says it. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "daemon/job_engine.h"

namespace s3zipd {

class FakeEngine final : public JobEngine {
  public:
    struct Started {
        std::shared_ptr<archive::Job> job;
        OnChange on_change;

        void enter(archive::JobState state) const {
            job->enter(state, base::system_clock().utc_now());
            on_change(job);
        }
        void succeed(archive::ArchiveResult result) const {
            job->succeed(std::move(result), base::system_clock().utc_now());
            on_change(job);
        }
        void fail(base::Error error) const {
            job->fail(std::move(error), base::system_clock().utc_now());
            on_change(job);
        }
        void park() const {
            job->be_parked();
            on_change(job);
        }
        void end_cancelled() const {
            fail({base::ErrorKind::cancelled, "cancelled", "cancelled while running", 0, {}, {}});
        }
    };

    void start(std::shared_ptr<archive::Job> job, OnChange on_change) override {
        const std::lock_guard lock(mutex_);
        started_.push_back({std::move(job), std::move(on_change)});
        changed_.notify_all();
    }
    void plan(archive::ArchiveRequest, OnPlan done) override {
        const std::lock_guard lock(mutex_);
        plans_.push_back(std::move(done));
        changed_.notify_all();
    }
    void presign_get(archive::PresignRequest what, OnUrl done) override {
        done("http://s3.test/" + what.bucket + "/" + what.key +
               "?expires=" + std::to_string(what.expires_s) + what.role_arn);
    }
    void release_upload(archive::UploadClaim claim, OnRelease done) override {
        {
            const std::lock_guard lock(mutex_);
            released_.push_back(claim);
            changed_.notify_all();
        }
        done(archive::Release::gone);
    }
    archive::EngineStats stats() const override {
        archive::EngineStats stats;
        stats.io = "fake";
        stats.reactors = 2;
        stats.memory_bytes = 1000;
        stats.memory_in_use_bytes = 10;
        stats.retries = 3;
        stats.requests[static_cast<std::size_t>(s3client::Operation::upload_part)] = 7;
        return stats;
    }

    // What was released, once there are so many.
    std::vector<archive::UploadClaim> released(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kPatience, [&] { return released_.size() >= count; });
        return released_;
    }
    // The next job that was started, in order; waits for it.
    Started next() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, kPatience, [&] { return !started_.empty(); })) return {};
        Started first = std::move(started_.front());
        started_.pop_front();
        return first;
    }
    OnPlan next_plan() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, kPatience, [&] { return !plans_.empty(); })) return {};
        OnPlan first = std::move(plans_.front());
        plans_.pop_front();
        return first;
    }
    std::size_t waiting_starts() const {
        const std::lock_guard lock(mutex_);
        return started_.size();
    }

  private:
    static constexpr std::chrono::seconds kPatience{20};
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Started> started_;
    std::deque<OnPlan> plans_;
    std::vector<archive::UploadClaim> released_;
};

inline archive::ArchiveRequest simple_request(int priority = 0) {
    archive::ArchiveRequest request;
    archive::Source& source = request.sources.emplace_back();
    source.bucket = "photos";
    source.prefix = "2026/";
    request.destination.bucket = "out";
    request.destination.key = "a.zip";
    request.options.priority = priority;
    return request;
}

inline archive::ArchiveResult simple_result() {
    archive::ArchiveResult result;
    result.bucket = "out";
    result.key = "a.zip";
    result.etag = "\"e-1\"";
    result.size = 1234;
    result.entries = 5;
    result.crc32 = 0xAB;
    return result;
}

}  // namespace s3zipd
