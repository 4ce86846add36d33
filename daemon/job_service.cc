#include "daemon/job_service.h"

#include <fmt/format.h>
#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "config/limits.h"
#include "daemon/job_log.h"

namespace s3zipd {

using base::ErrorKind;

// What the engine's threads write to. Shared with their callbacks, so it outlives the service.
struct JobService::Inbox {
    std::mutex mutex;
    std::condition_variable arrived;
    std::set<std::string> changed;  // ids; at most those running
    bool stop = false;
};

namespace {

base::UtcTime::duration run_time(const archive::JobSnapshot& s) {
    return s.started_at && s.finished_at ? *s.finished_at - *s.started_at
                                         : base::UtcTime::duration::zero();
}

}  // namespace

JobService::JobService(JobEngine& engine, JobLimits limits, base::Clock& clock)
    : engine_(engine),
      limits_(limits),
      clock_(clock),
      inbox_(std::make_shared<Inbox>()),
      random_(base::Random::from_system()),
      keys_(limits.idempotency_keys_max),
      thread_([this] { run_thread(); }) {}

JobService::~JobService() {
    {
        const std::lock_guard lock(inbox_->mutex);
        inbox_->stop = true;
    }
    inbox_->arrived.notify_all();
    thread_.join();
}

base::Result<JobView> JobService::submit(archive::ArchiveRequest request,
                                         std::optional<IdempotencyKey> key) {
    JobView view;
    {
        const std::lock_guard lock(mutex_);
        if (key) {
            const auto known = keys_.find(*key);
            if (!known) return base::fail(known.error());
            if (!known->empty()) return view_of(*jobs_.find(*known));
        }
        if (stopping_) {
            return base::fail(ErrorKind::exhausted, "stopping", "s3zipd is being stopped");
        }
        const std::uint64_t bytes = estimate_bytes(request);
        if (!has_room_for(bytes)) {
            return base::fail(ErrorKind::exhausted, "queue_full",
                              fmt::format("{} jobs are waiting already", queue_.size()));
        }
        const base::UtcTime now = clock_.utc_now();
        Record record;
        record.created_at = now;
        record.bytes = bytes;
        const int priority = request.options.priority;
        record.job = std::make_shared<archive::Job>(std::move(request));
        const auto [at, is_new] = jobs_.emplace(next_id(now), std::move(record));
        CHECK(is_new);
        totals_.live_bytes += bytes;
        queue_.emplace(-priority, at->first);
        if (key) {
            at->second.idempotency_key = key->key;
            keys_.remember(std::move(*key), at->first);
        }
        view = view_of(*at);
    }
    start_ready();
    return view;
}

std::optional<JobView> JobService::find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return std::nullopt;
    return view_of(*found);
}

JobPage JobService::list(const ListQuery& query) const {
    JobPage page;
    const std::lock_guard lock(mutex_);
    auto at = query.cursor.empty() ? jobs_.end() : jobs_.lower_bound(query.cursor);
    while (at != jobs_.begin()) {
        --at;
        if (query.state && at->second.job->state() != *query.state) continue;
        if (page.jobs.size() == query.limit) {
            page.next_cursor = page.jobs.back().id;
            break;
        }
        page.jobs.push_back(view_of(*at));
    }
    return page;
}

base::Result<JobView> JobService::cancel(std::string_view id) {
    JobView view;
    bool ended = false;
    {
        const std::lock_guard lock(mutex_);
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) {
            return base::fail(ErrorKind::not_found, "not_found", "there is no such job");
        }
        Record& record = found->second;
        if (archive::has_ended(record.job->state())) {
            return base::fail(ErrorKind::precondition, "already_ended", "the job has ended");
        }
        record.job->cancel();
        const QueueKey place(-record.job->request().options.priority, found->first);
        ended = queue_.erase(place) == 1;
        if (ended) {
            record.job->fail(
                {ErrorKind::cancelled, "cancelled", "cancelled before it started", 0, {}, {}},
                clock_.utc_now());
            view = finish(found);
        } else {
            view = view_of(*found);
        }
    }
    if (ended) log_end(view);
    return view;
}

std::uint64_t JobService::subscribe(std::string_view id, std::function<void()> on_end) {
    const std::lock_guard lock(mutex_);
    subscriptions_.emplace(next_token_, Subscription{std::string(id), std::move(on_end)});
    return next_token_++;
}

void JobService::unsubscribe(std::uint64_t token) {
    const std::lock_guard lock(mutex_);
    subscriptions_.erase(token);
}

JobCounts JobService::counts() const {
    const std::lock_guard lock(mutex_);
    JobCounts counts = totals_;
    for (const auto& [id, record] : jobs_) {
        ++counts.by_state[static_cast<std::size_t>(record.job->state())];
    }
    return counts;
}

bool JobService::shutdown(std::chrono::milliseconds timeout) {
    std::vector<JobView> ended;
    std::unique_lock lock(mutex_);
    stopping_ = true;
    while (!queue_.empty()) {
        const auto at = jobs_.find(std::get<1>(*queue_.begin()));
        queue_.erase(queue_.begin());
        at->second.job->fail(
            {ErrorKind::cancelled, "cancelled", "s3zipd was stopped before it started", 0, {}, {}},
            clock_.utc_now());
        ended.push_back(finish(at));
    }
    for (const auto& id : running_) jobs_.find(id)->second.job->cancel();
    lock.unlock();
    for (const JobView& view : ended) log_end(view);
    lock.lock();
    return all_ended_.wait_for(lock, timeout, [this] { return running_.empty(); });
}

void JobService::run_thread() {
    auto next_sample = std::chrono::steady_clock::now();
    while (true) {
        std::set<std::string> changed;
        {
            std::unique_lock lock(inbox_->mutex);
            inbox_->arrived.wait_until(lock, next_sample,
                                       [this] { return inbox_->stop || !inbox_->changed.empty(); });
            if (inbox_->stop) return;
            changed.swap(inbox_->changed);
        }
        for (const auto& id : changed) on_change(id);
        if (const auto now = std::chrono::steady_clock::now(); now >= next_sample) {
            sample_rates();
            next_sample = now + config::kRateSampleInterval;
        }
    }
}

// Hands jobs to the engine while it may have more; outside the lock, since the engine may call back
// at once.
void JobService::start_ready() {
    while (true) {
        std::shared_ptr<archive::Job> job;
        std::string id;
        {
            const std::lock_guard lock(mutex_);
            if (queue_.empty() || running_.size() >= limits_.running_max || stopping_) return;
            id = std::get<1>(queue_.extract(queue_.begin()).value());
            Record& record = jobs_.find(id)->second;
            record.rate.add(clock_.steady_now(), 0);
            running_.insert(id);
            job = record.job;
        }
        engine_.start(std::move(job), [inbox = inbox_, id](const auto&) {
            {
                const std::lock_guard lock(inbox->mutex);
                inbox->changed.insert(id);
            }
            inbox->arrived.notify_all();
        });
    }
}

void JobService::on_change(const std::string& id) {
    JobView view;
    {
        const std::lock_guard lock(mutex_);
        const auto at = jobs_.find(id);
        if (at == jobs_.end() || at->second.ended) return;
        if (!archive::has_ended(at->second.job->state())) return;
        running_.erase(id);
        view = finish(at);
        if (running_.empty()) all_ended_.notify_all();
    }
    log_end(view);
    start_ready();
}

void JobService::sample_rates() {
    const std::lock_guard lock(mutex_);
    const base::SteadyTime now = clock_.steady_now();
    for (const auto& id : running_) {
        Record& record = jobs_.find(id)->second;
        record.rate.add(now, record.job->bytes_done.load(std::memory_order_relaxed));
    }
}

JobView JobService::view_of(const Jobs::value_type& entry) const {
    const auto& [id, record] = entry;
    JobView view{id, record.created_at, record.job, record.job->snapshot(), 0, std::nullopt};
    const archive::JobSnapshot& s = view.snapshot;
    if (archive::has_ended(s.state)) {
        const auto milliseconds = static_cast<std::uint64_t>(run_time(s).count());
        view.bytes_per_second = milliseconds == 0 ? 0 : s.bytes_done * 1000 / milliseconds;
        return view;
    }
    view.bytes_per_second = record.rate.per_second();
    if (view.bytes_per_second > 0 && s.bytes_total > 0) {
        const std::uint64_t left = s.bytes_total - std::min(s.bytes_total, s.bytes_done);
        view.eta_seconds = (left + view.bytes_per_second - 1) / view.bytes_per_second;
    }
    return view;
}

// Ids sort by age, also those of one millisecond: the list is in their order.
std::string JobService::next_id(base::UtcTime now) {
    last_id_time_ = std::max(now, last_id_time_ + base::UtcTime::duration(1));
    return base::make_id(last_id_time_, random_);
}

bool JobService::has_room_for(std::uint64_t bytes) const {
    const bool starts_now = running_.size() < limits_.running_max && queue_.empty();
    if (!starts_now && queue_.size() >= limits_.queued_max) return false;
    // One that would be alone always fits.
    return totals_.live_bytes == 0 || totals_.live_bytes + bytes <= limits_.live_bytes_max;
}

JobView JobService::finish(Jobs::iterator at) {
    Record& record = at->second;
    record.ended = true;
    JobView view = view_of(*at);
    totals_.live_bytes -= record.bytes;
    record.bytes += estimate_bytes(view.snapshot);
    totals_.ended_bytes += record.bytes;
    ++totals_.ended_total[static_cast<std::size_t>(view.snapshot.state)];
    if (const auto& result = view.snapshot.result) {
        totals_.archive_bytes_total += result->size;
        totals_.skipped_objects_total += result->report->skipped().size();
        totals_.renamed_entries_total += result->report->renamed().size();
    }
    ended_.push_back(at->first);
    for (const auto& [token, subscription] : subscriptions_) {
        if (subscription.id == at->first) subscription.on_end();
    }
    forget_old();
    return view;
}

// The newest stays, whatever its size: somebody is about to ask for it.
void JobService::forget_old() {
    while (ended_.size() > 1 &&
           (ended_.size() > limits_.kept_max || totals_.ended_bytes > limits_.ended_bytes_max)) {
        forget(ended_.front());
        ended_.pop_front();
    }
}

void JobService::forget(const std::string& id) {
    const auto at = jobs_.find(id);
    totals_.ended_bytes -= at->second.bytes;
    if (!at->second.idempotency_key.empty()) keys_.forget(at->second.idempotency_key, id);
    jobs_.erase(at);
}

}  // namespace s3zipd
