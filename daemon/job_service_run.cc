// How jobs start and end, and what must be looked after meanwhile.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"
#include "config/limits.h"
#include "daemon/control_thread.h"
#include "daemon/job_inbox.h"
#include "daemon/job_log.h"
#include "daemon/job_service.h"

namespace s3zipd {

using base::ErrorKind;

namespace {

// In the queue, past jobs on a bucket that has its share.
constexpr std::size_t kLookAhead = 1'000;

// The places that jobs on one bucket may take: all but an eighth.
std::size_t share_of(std::size_t places) { return places - places / 8; }

// The bucket that a job lists or reads first.
std::string_view bucket_of(const archive::Job& job) {
    const auto& sources = job.request().sources;
    if (sources.empty()) return {};
    const archive::Source& first = sources.front();
    return first.manifest ? first.manifest->bucket : first.bucket;
}

}  // namespace

bool JobService::drain(std::chrono::milliseconds timeout) {
    sweeper_.stop();
    std::unique_lock lock(mutex_);
    stopping_ = true;
    return all_ended_.wait_for(lock, timeout, [this] { return running_.empty(); });
}

bool JobService::park(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    for (const auto& id : running_) jobs_.find(id)->second.job->park();
    return all_ended_.wait_for(lock, timeout, [this] { return running_.empty(); });
}

void JobService::run_thread() {
    begin_control_thread("jobs");
    auto next_tick = std::chrono::steady_clock::now();
    while (true) {
        std::set<std::string> changed;
        std::deque<Inbox::Call> calls;
        {
            std::unique_lock lock(inbox_->mutex);
            inbox_->arrived.wait_until(lock, next_tick, [this] {
                return inbox_->stop || !inbox_->changed.empty() || !inbox_->calls.empty();
            });
            if (inbox_->stop) return;
            changed.swap(inbox_->changed);
            calls.swap(inbox_->calls);
        }
        for (Inbox::Call& call : calls) call(*this);
        for (const auto& id : changed) on_change(id);
        if (!changed.empty()) start_ready();
        if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) {
            sample_rates();
            look_after();
            next_tick = now + config::kRateSampleInterval;
        }
    }
}

void JobService::enqueue(const Jobs::value_type& entry) {
    const archive::Job& job = *entry.second.job;
    // One that is cancelled and has an upload has only to give it back.
    const int place =
        job.cancel_requested() ? std::numeric_limits<int>::min() : -job.request().options.priority;
    queue_.emplace(place, entry.first);
}

// The first in line, if another may start: of those that run not too many are being planned, and
// their plans leave room for one. Jobs on one bucket take no more than their share of the places: a
// bucket that is slow, or refuses requests, must not keep jobs on others from starting.
std::optional<std::string> JobService::next_to_start() {
    if (queue_.empty() || running_.size() >= limits_.running_max || !begun_ || stopping_)
        return std::nullopt;
    struct Share {
        std::size_t running = 0, planning = 0;
    };
    Share all;
    std::map<std::string_view, Share> of_bucket;
    std::uint64_t plan_bytes = 0;
    for (const auto& id : running_) {
        const archive::Job& job = *jobs_.find(id)->second.job;
        const std::size_t planning = job.state() <= archive::JobState::planning ? 1 : 0;
        for (Share* share : {&all, &of_bucket[bucket_of(job)]}) {
            ++share->running;
            share->planning += planning;
        }
        plan_bytes += job.plan_bytes.load(std::memory_order_relaxed);
    }
    if (all.planning >= limits_.planning_max || plan_bytes >= limits_.plan_bytes_max)
        return std::nullopt;
    std::size_t looked_at = 0;
    for (auto at = queue_.begin(); at != queue_.end() && looked_at < kLookAhead; ++at) {
        const archive::Job& job = *jobs_.find(std::get<1>(*at))->second.job;
        const auto share = of_bucket.find(bucket_of(job));
        const bool fits = share == of_bucket.end() || job.cancel_requested() ||
                          (share->second.running < share_of(limits_.running_max) &&
                           share->second.planning < share_of(limits_.planning_max));
        if (fits) return std::get<1>(queue_.extract(at).value());
        ++looked_at;
    }
    return std::nullopt;
}

// Hands jobs to the engine while it may have more; outside the lock, since the engine may call back
// at once.
void JobService::start_ready() {
    while (true) {
        std::shared_ptr<archive::Job> job;
        std::string id;
        base::Duration waited{};
        {
            const std::lock_guard lock(mutex_);
            auto next = next_to_start();
            if (!next) return;
            id = std::move(*next);
            Record& record = jobs_.find(id)->second;
            record.begun_at = clock_.steady_now();
            record.rate.add(*record.begun_at, 0);
            waited = *record.begun_at - record.queued_at;
            running_.insert(id);
            job = record.job;
        }
        log_start(id, waited);
        engine_.start(std::move(job), [inbox = inbox_, id](const auto&) { inbox->change(id); });
    }
}

void JobService::on_change(const std::string& id) {
    changes_.note(id);
    {
        const std::lock_guard lock(mutex_);
        const auto at = jobs_.find(id);
        if (at == jobs_.end() || at->second.ended) return;
        const archive::Job& job = *at->second.job;
        if (job.parked()) {
            running_.erase(id);
            if (running_.empty()) all_ended_.notify_all();
            base::log_info("job parked", {{"job", id}});
            return;
        }
        if (!archive::has_ended(job.state())) return;
        finish(at);
    }
    after_end(id);
}

// The journal first: whoever is told of the end can rely on it. Until it has it the job counts as
// running, so that a process that is stopped waits for it.
void JobService::after_end(const std::string& id) {
    archive::JobSnapshot snapshot;
    std::chrono::seconds ended_after{};
    {
        const std::lock_guard lock(mutex_);
        const Record& record = jobs_.find(id)->second;
        snapshot = record.job->snapshot();
        ended_after = record.ended_after;
    }
    journal_.end(id, snapshot, ended_after, [inbox = inbox_, id](const base::Status& written) {
        inbox->call([id, written](JobService& self) { self.end_recorded(id, written); });
    });
}

void JobService::end_recorded(const std::string& id, const base::Status& written) {
    JobView view;
    std::vector<OnJob> waiting;
    {
        const std::lock_guard lock(mutex_);
        running_.erase(id);
        if (running_.empty()) all_ended_.notify_all();
        const auto at = jobs_.find(id);
        if (at == jobs_.end()) return;
        Record& record = at->second;
        record.end = written ? Record::End::recorded : Record::End::failed;
        waiting = std::move(record.waiting);
        view = view_of(*at);
        if (written) {
            if (view.snapshot.result && !view.snapshot.result->reused)
                archives_->add(id, *view.snapshot.result);
            changes_.note(id);
            forget_old();
        }
    }
    if (written) {  // who is told finds it in the log
        log_end(view);
        end_listeners_.call(id);
    }
    for (OnJob& done : waiting) done(view);
    start_ready();
    if (!written) return;  // look_after() tries again
    if (notify_ && !view.job->request().notify_url.empty()) notify_(view, view.notice.attempts);
}

// It has ended; after_end() is to follow when mutex_ is free.
void JobService::finish(Jobs::iterator at) {
    Record& record = at->second;
    const archive::JobSnapshot snapshot = record.job->snapshot();
    record.ended = true;
    record.end = Record::End::writing;
    record.ended_after = clock_watch_.service_time(clock_.steady_now());
    totals_.live_bytes -= record.bytes;
    count_ended(record, snapshot);
    const auto state = static_cast<std::size_t>(snapshot.state);
    ++totals_.ended_total[state];
    const base::SteadyTime now = clock_.steady_now();
    queue_times_[state].observe(record.begun_at.value_or(now) - record.queued_at);
    if (record.begun_at) durations_[state].observe(now - *record.begun_at);
    if (const auto& result = snapshot.result) {
        totals_.archive_bytes_total += result->size;
        totals_.skipped_objects_total += result->report->skipped().size();
        totals_.renamed_entries_total += result->report->renamed().size();
    }
    ended_.push_back(at->first);
}

void JobService::count_ended(Record& record, const archive::JobSnapshot& snapshot) {
    record.bytes += estimate_bytes(snapshot);
    totals_.ended_bytes += record.bytes;
}

void JobService::sample_rates() {
    const std::lock_guard lock(mutex_);
    const base::SteadyTime now = clock_.steady_now();
    for (const auto& id : running_) {
        Record& record = jobs_.find(id)->second;
        record.rate.add(now, record.job->bytes_done.load(std::memory_order_relaxed));
    }
}

void JobService::look_after() {
    const base::SteadyTime now = clock_.steady_now();
    if (now >= next_retry_) {
        next_retry_ = now + config::kJournalRetryInterval;
        if (!journal_.healthy()) journal_.probe();
        retry_ends();
        tell_again();
        const std::lock_guard lock(mutex_);
        if (const auto moved = clock_watch_.look(now, clock_.utc_now())) {
            const auto seconds = std::chrono::floor<std::chrono::seconds>(*moved);
            base::log_warn("the clock has jumped", {{"seconds", seconds.count()}});
        }
        if (const auto time = clock_watch_.to_keep(now, config::kServiceTimeStep))
            journal_.keep_service_time(*time);
        forget_old();
    }
    if (now >= next_sweep_) {
        next_sweep_ = now + limits_.sweep_interval;
        sweep();
    }
}

void JobService::retry_ends() {
    std::vector<std::string> unrecorded;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& id : ended_) {
            Record& record = jobs_.find(id)->second;
            if (record.end != Record::End::failed) continue;
            record.end = Record::End::writing;
            unrecorded.push_back(id);
        }
    }
    for (const std::string& id : unrecorded) after_end(id);
}

bool JobService::is_untold(const Record& record) const {
    return notify_ && record.end == Record::End::recorded && !record.notice.over() &&
           !record.job->request().notify_url.empty();
}

// Those for whom there was no room.
void JobService::tell_again() {
    std::vector<JobView> untold;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& id : ended_) {
            const auto at = jobs_.find(id);
            if (!at->second.tell_later || !is_untold(at->second)) continue;
            at->second.tell_later = false;
            untold.push_back(view_of(*at));
        }
    }
    for (const JobView& view : untold) notify_(view, view.notice.attempts);
}

void JobService::sweep() {
    std::deque<SweepItem> items;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        for (const auto& id : ended_) {
            const archive::ArchiveRequest& request = jobs_.find(id)->second.job->request();
            for (const auto& [number, row] : journal_.uploads_left(id)) {
                auto claim = claim_of(row, request, clock_.utc_now(), limits_.sweep_grace);
                if (claim) items.push_back({id, number, std::move(*claim)});
            }
        }
    }
    sweeper_.sweep(std::move(items));
}

}  // namespace s3zipd
