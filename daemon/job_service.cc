#include "daemon/job_service.h"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "config/limits.h"
#include "daemon/job_inbox.h"
#include "daemon/job_log.h"

namespace s3zipd {

using base::ErrorKind;

namespace {

base::UtcTime::duration run_time(const archive::JobSnapshot& s) {
    if (!s.started_at || !s.finished_at) return base::UtcTime::duration::zero();
    // A clock that was set back does not make it negative.
    return std::max(*s.finished_at - *s.started_at, base::UtcTime::duration::zero());
}

}  // namespace

JobService::JobService(JobEngine& engine, Journal& journal, JobLimits limits, base::Clock& clock)
    : engine_(engine),
      journal_(journal),
      clock_(clock),
      archives_(std::make_shared<ArchiveIndex>()),
      sweeper_(engine, journal),
      inbox_(std::make_shared<Inbox>()),
      limits_(limits),
      random_(base::Random::from_system()),
      keys_(limits.idempotency_keys_max),
      thread_([this] { run_thread(); }) {
    inbox_->service = this;
}

JobService::~JobService() {
    {
        const std::lock_guard lock(inbox_->here_mutex);
        inbox_->service = nullptr;
    }
    {
        const std::lock_guard lock(inbox_->mutex);
        inbox_->stop = true;
    }
    inbox_->arrived.notify_all();
    thread_.join();
    if (const auto time = clock_watch_.to_keep(clock_.steady_now(), std::chrono::seconds(1)))
        journal_.keep_service_time(*time);
    notify_ = nullptr;  // they may hold who calls noticed()
    check_url_ = nullptr;
}

void JobService::set_notify(Notify notify, CheckUrl check) {
    notify_ = std::move(notify);
    check_url_ = std::move(check);
}

void JobService::submit(Submission submission, OnJob done) {
    std::string id;
    JobRow row;
    {
        std::unique_lock lock(mutex_);
        if (submission.key) {
            const auto known = keys_.find(*submission.key);
            if (!known) {
                lock.unlock();
                return done(base::fail(known.error()));
            }
            if (!known->empty()) {
                const auto at = jobs_.find(*known);
                if (!at->second.durable) {
                    at->second.waiting.push_back(std::move(done));
                    return;
                }
                const JobView view = view_of(*at);
                lock.unlock();
                return done(view);
            }
        }
        const std::uint64_t bytes = estimate_bytes(submission.request) + submission.body.size();
        if (stopping_ || !has_room_for(bytes)) {
            const bool stopping = stopping_;
            const std::size_t waiting = queue_.size() + accepting_;
            lock.unlock();
            if (stopping)
                return done(
                    base::fail(ErrorKind::exhausted, "stopping", "s3zipd is being stopped"));
            return done(base::fail(ErrorKind::exhausted, "queue_full",
                                   fmt::format("{} jobs are waiting already", waiting)));
        }
        id = next_id(clock_.utc_now());
        Record record;
        row.created_at = record.created_at = last_id_time_;
        row.key = submission.key;
        row.sealed = has_secrets(submission.request);
        if (submission.request.scope) row.scope = *submission.request.scope;
        record.bytes = bytes;
        record.queued_at = clock_.steady_now();
        record.job = std::make_shared<archive::Job>(std::move(submission.request));
        record.job->set_id(id);
        record.job->set_recorder(journal_.recorder(id, archives_));
        record.waiting.push_back(std::move(done));
        totals_.live_bytes += bytes;
        ++accepting_;
        if (submission.key) {
            record.idempotency_key = submission.key->key;
            keys_.remember(std::move(*submission.key), id);
        }
        const auto [at, is_new] = jobs_.emplace(id, std::move(record));
        CHECK(is_new);
    }
    journal_.accept(id, std::move(row), std::move(submission.body),
                    [inbox = inbox_, id](const base::Status& written) {
                        inbox->call_here([&](JobService& self) { self.accepted(id, written); });
                    });
}

void JobService::accepted(const std::string& id, const base::Status& written) {
    std::vector<OnJob> waiting;
    base::Result<JobView> answer;
    {
        const std::lock_guard lock(mutex_);
        --accepting_;
        const auto at = jobs_.find(id);
        Record& record = at->second;
        waiting = std::move(record.waiting);
        if (written) {
            record.durable = true;
            changes_.note(id);
            enqueue(*at);
            answer = view_of(*at);
        } else {
            answer = base::fail(written.error());
            totals_.live_bytes -= record.bytes;
            if (!record.idempotency_key.empty()) keys_.forget(record.idempotency_key, id);
            jobs_.erase(at);
        }
    }
    if (answer) log_accepted(*answer);
    start_ready();  // before the answer: who has it can count on the place in the queue
    for (OnJob& done : waiting) done(answer);
}

std::optional<JobView> JobService::find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || !found->second.durable) return std::nullopt;
    return view_of(*found);
}

JobPage JobService::list(const ListQuery& query) const {
    JobPage page;
    const std::lock_guard lock(mutex_);
    auto at = query.cursor.empty() ? jobs_.end() : jobs_.lower_bound(query.cursor);
    while (at != jobs_.begin()) {
        --at;
        if (!at->second.durable) continue;
        if (query.state && state_of(at->second) != *query.state) continue;
        if (query.may_see && !query.may_see(at->second.job->request())) continue;
        if (page.jobs.size() == query.limit) {
            page.next_cursor = page.jobs.back().id;
            break;
        }
        page.jobs.push_back(view_of(*at));
    }
    return page;
}

std::vector<JobView> JobService::running() const {
    std::vector<JobView> views;
    const std::lock_guard lock(mutex_);
    for (const std::string& id : running_) views.push_back(view_of(*jobs_.find(id)));
    return views;
}

void JobService::cancel(std::string_view id, OnJob done) {
    std::unique_lock lock(mutex_);
    base::Error wrong;
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || !found->second.durable) {
        wrong = {ErrorKind::not_found, "not_found", "there is no such job", 0, {}, {}};
    } else if (archive::has_ended(found->second.job->state())) {
        wrong = {ErrorKind::precondition, "already_ended", "the job has ended", 0, {}, {}};
    }
    if (!wrong.code.empty()) {
        lock.unlock();
        return done(base::fail(std::move(wrong)));
    }
    // Under the lock: a job that is forgotten meanwhile is forgotten after this is written.
    journal_.cancel(std::string(id), [inbox = inbox_, id = std::string(id),
                                      done = std::move(done)](const base::Status& written) mutable {
        inbox->call([id, written, done = std::move(done)](JobService& self) mutable {
            self.cancel_recorded(id, written, std::move(done));
        });
    });
}

void JobService::cancel_recorded(const std::string& id, const base::Status& written, OnJob done) {
    if (!written) return done(base::fail(written.error()));
    base::log_info("job is to be cancelled", {{"job", id}});
    JobView view;
    bool ended = false;
    {
        const std::lock_guard lock(mutex_);
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) {  // ended and forgotten meanwhile
            return done(base::fail(ErrorKind::not_found, "not_found", "there is no such job"));
        }
        Record& record = found->second;
        if (!archive::has_ended(record.job->state())) record.job->cancel();
        const QueueKey place(-record.job->request().options.priority, found->first);
        // One that an earlier process began has traces in S3: the engine ends it.
        const bool untouched = journal_.uploads_left(id).empty();
        if (!untouched && queue_.erase(place) == 1) enqueue(*found);  // before all others
        if (untouched && queue_.erase(place) == 1) {
            ended = true;
            record.waiting.push_back(std::move(done));
            record.job->fail(
                {ErrorKind::cancelled, "cancelled", "cancelled before it started", 0, {}, {}},
                clock_.utc_now());
            finish(found);
        } else {
            view = view_of(*found);
        }
    }
    if (ended) return after_end(id);
    done(view);
}

void JobService::noticed(const std::string& id, NoticeRow notice, bool later) {
    inbox_->call([id, notice, later](JobService& self) {
        const std::lock_guard lock(self.mutex_);
        const auto found = self.jobs_.find(id);
        if (found == self.jobs_.end()) return;
        found->second.tell_later = later;
        if (later) return;
        found->second.notice = notice;
        self.totals_.notices_delivered_total += notice.delivered ? 1 : 0;
        self.totals_.notices_given_up_total += notice.given_up ? 1 : 0;
        self.journal_.notice(id, notice);
    });
}

void JobService::set_limits(const JobLimits& limits) {
    {
        const std::lock_guard lock(mutex_);
        limits_.running_max = limits.running_max;
        limits_.queued_max = limits.queued_max;
        limits_.kept_max = limits.kept_max;
        limits_.kept_time = limits.kept_time;
    }
    start_ready();
}

JobLimits JobService::limits() const {
    const std::lock_guard lock(mutex_);
    return limits_;
}

base::Status JobService::check_notify(const std::string& url) const {
    return check_url_ ? check_url_(url) : base::Status{};
}

JobCounts JobService::counts() const {
    const std::lock_guard lock(mutex_);
    JobCounts counts = totals_;
    for (const auto& [id, record] : jobs_) {
        ++counts.by_state[static_cast<std::size_t>(state_of(record))];
    }
    const base::SteadyTime now = clock_.steady_now();
    for (const auto& [priority, id] : queue_) {
        const base::Duration waits = now - jobs_.find(id)->second.queued_at;
        counts.queue_oldest = std::max(counts.queue_oldest, waits);
    }
    for (std::size_t i = 0; i < kJobStateCount; ++i) {
        counts.durations[i] = durations_[i].snapshot();
        counts.queue_times[i] = queue_times_[i].snapshot();
    }
    return counts;
}

// What a restart would say, too: it has ended once the journal has it.
archive::JobState JobService::state_of(const Record& record) {
    const archive::JobState state = record.job->state();
    return archive::has_ended(state) && record.end != Record::End::recorded
               ? archive::JobState::finishing
               : state;
}

JobView JobService::view_of(const Jobs::value_type& entry) const {
    const auto& [id, record] = entry;
    JobView view{id, record.created_at, record.job,   record.job->snapshot(),
                 0,  std::nullopt,      record.notice};
    archive::JobSnapshot& s = view.snapshot;
    if (archive::has_ended(s.state) && record.end != Record::End::recorded) {
        s.state = archive::JobState::finishing;
        s.finished_at.reset();
        s.result.reset();
        s.error.reset();
    }
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

// Ids sort by age, also those of one millisecond and of a clock that was set back: the list is in
// their order.
std::string JobService::next_id(base::UtcTime now) {
    last_id_time_ = std::max(now, last_id_time_ + base::UtcTime::duration(1));
    return base::make_id(last_id_time_, random_);
}

bool JobService::has_room_for(std::uint64_t bytes) const {
    const std::size_t waiting = queue_.size() + accepting_;
    const bool starts_now = running_.size() < limits_.running_max && waiting == 0;
    if (!starts_now && waiting >= limits_.queued_max) return false;
    // One that would be alone always fits.
    return totals_.live_bytes == 0 || totals_.live_bytes + bytes <= limits_.live_bytes_max;
}

}  // namespace s3zipd
