#include "archive/job.h"

#include <algorithm>

namespace archive {

std::string_view to_string(JobState state) {
    switch (state) {
        case JobState::queued: return "queued";
        case JobState::planning: return "planning";
        case JobState::running: return "running";
        case JobState::finishing: return "finishing";
        case JobState::succeeded: return "succeeded";
        case JobState::failed: return "failed";
        case JobState::cancelled: return "cancelled";
    }
    return "failed";
}

std::optional<std::chrono::milliseconds> Stage::duration() const {
    if (!finished_at) return std::nullopt;
    return std::max(*finished_at - started_at, std::chrono::milliseconds::zero());
}

std::string_view checksums_text(const ArchiveResult& result) {
    if (!result.checked || result.checksums == s3client::ChecksumMode::none) return "unchecked";
    return result.checksums == s3client::ChecksumMode::composite ? "composite" : "checked";
}

std::vector<Stage> stages_of(const JobSnapshot& snapshot, std::optional<base::UtcTime> queued_at) {
    std::vector<Stage> stages;
    // Of an end that was written without its stages only the start is known.
    if (queued_at) stages.push_back({JobState::queued, *queued_at, snapshot.started_at});
    for (std::size_t i = 1; i < kStageCount; ++i) {
        const auto& entered = snapshot.entered[i];
        if (!entered) continue;
        if (!stages.empty()) stages.back().finished_at = entered;
        stages.push_back({static_cast<JobState>(i), *entered, std::nullopt});
    }
    if (!stages.empty() && !stages.back().finished_at)
        stages.back().finished_at = snapshot.finished_at;
    return stages;
}

Job::Job(ArchiveRequest request, JobSnapshot ended)
    : objects_total(ended.objects_total),
      objects_done(ended.objects_done),
      bytes_total(ended.bytes_total),
      bytes_done(ended.bytes_done),
      parts_total(ended.parts_total),
      parts_done(ended.parts_done),
      request_(std::move(request)),
      state_(ended.state),
      started_at_(ended.started_at),
      finished_at_(ended.finished_at),
      entered_(ended.entered),
      result_(std::move(ended.result)),
      error_(std::move(ended.error)) {
    for (std::size_t i = 0; i < requests.size(); ++i) requests[i] = ended.requests[i];
}

JobSnapshot Job::snapshot() const {
    JobSnapshot s;
    // Who changes the state holds it, too: no end without its result, no result before the end.
    const std::lock_guard lock(mutex_);
    s.state = state();
    s.objects_total = objects_total.load(std::memory_order_relaxed);
    s.objects_done = objects_done.load(std::memory_order_relaxed);
    s.bytes_total = bytes_total.load(std::memory_order_relaxed);
    s.bytes_done = bytes_done.load(std::memory_order_relaxed);
    s.parts_total = parts_total.load(std::memory_order_relaxed);
    s.parts_done = parts_done.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < requests.size(); ++i)
        s.requests[i] = requests[i].load(std::memory_order_relaxed);
    s.started_at = started_at_;
    s.finished_at = finished_at_;
    s.entered = entered_;
    s.result = result_;
    s.error = error_;
    return s;
}

void Job::cancel() {
    cancel_requested_.store(true, std::memory_order_release);
    const std::lock_guard lock(mutex_);
    if (on_cancel_) on_cancel_();
}

void Job::park() {
    park_requested_.store(true, std::memory_order_release);
    const std::lock_guard lock(mutex_);
    if (on_cancel_) on_cancel_();
}

void Job::be_parked() {
    const std::lock_guard lock(mutex_);
    started_at_.reset();
    entered_ = {};
    parked_.store(true, std::memory_order_release);
    state_.store(JobState::queued, std::memory_order_release);
}

void Job::set_on_cancel(std::function<void()> on_cancel) {
    const std::lock_guard lock(mutex_);
    on_cancel_ = std::move(on_cancel);
    if (on_cancel_ && (cancel_requested() || park_requested())) on_cancel_();
}

void Job::enter(JobState state, base::UtcTime now) {
    const std::lock_guard lock(mutex_);
    if (!started_at_) started_at_ = now;
    // Whoever goes back to an earlier stage has not left it.
    const auto stage = static_cast<std::size_t>(state);
    if (!entered_[stage]) entered_[stage] = now;
    std::fill(entered_.begin() + static_cast<std::ptrdiff_t>(stage) + 1, entered_.end(),
              std::nullopt);
    state_.store(state, std::memory_order_release);
}

void Job::succeed(ArchiveResult result, base::UtcTime now) {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    finished_at_ = now;
    state_.store(JobState::succeeded, std::memory_order_release);
}

void Job::fail(base::Error error, base::UtcTime now) {
    const std::lock_guard lock(mutex_);
    const bool cancelled = error.kind == base::ErrorKind::cancelled;
    error_ = std::move(error);
    finished_at_ = now;
    state_.store(cancelled ? JobState::cancelled : JobState::failed, std::memory_order_release);
}

}  // namespace archive
