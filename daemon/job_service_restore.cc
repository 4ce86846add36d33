// What was before this process, and what is forgotten.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "daemon/api_request.h"
#include "daemon/job_inbox.h"
#include "daemon/job_service.h"

namespace s3zipd {

using archive::RequestScope;

namespace {

// The request as it was posted; of a job that has ended it is only shown.
base::Result<archive::ArchiveRequest> request_of(const JournaledJob& job) {
    auto request = parse_journaled_request(job.body);
    if (request || !job.end) return request;
    base::log_warn("the request of a job that has ended cannot be read any more",
                   {{"job", job.id}, {"error", request.error().detail}});
    archive::ArchiveRequest shown;
    if (const auto& result = job.end->snapshot.result) {
        shown.destination.bucket = result->bucket;
        shown.destination.key = result->key;
    }
    return shown;
}

}  // namespace

void JobService::restore(std::vector<JournaledJob> jobs) {
    // Many jobs have that of one token.
    std::vector<std::shared_ptr<const RequestScope>> scopes;
    const auto shared = [&scopes](const RequestScope& scope) {
        for (const auto& known : scopes) {
            if (*known == scope) return known;
        }
        return scopes.emplace_back(std::make_shared<const RequestScope>(scope));
    };
    const std::lock_guard lock(mutex_);
    clock_watch_.start(clock_.steady_now(), journal_.service_time());
    for (JournaledJob& job : jobs) {
        restore_one(job, job.row.scope && !job.end ? shared(*job.row.scope) : nullptr);
        job = {};  // bodies are long
    }
    std::ranges::sort(ended_, {}, [this](const std::string& id) {
        const Record& record = jobs_.find(id)->second;
        return std::tuple(record.ended_after, record.job->snapshot().finished_at, id);
    });
    forget_old();
    if (!jobs_.empty())
        base::log_info("jobs of before", {{"waiting", queue_.size()}, {"ended", ended_.size()}});
}

void JobService::begin() {
    std::vector<JobView> untold;
    {
        const std::lock_guard lock(mutex_);
        begun_ = true;
        for (const auto& id : ended_) {
            const auto at = jobs_.find(id);
            if (is_untold(at->second)) untold.push_back(view_of(*at));
        }
    }
    start_ready();
    for (const JobView& view : untold) notify_(view, view.notice.attempts);
    inbox_->call([](JobService& self) { self.next_sweep_ = {}; });
}

void JobService::restore_one(JournaledJob& job, std::shared_ptr<const RequestScope> scope) {
    auto request = request_of(job);
    if (request) request->scope = std::move(scope);
    Record record;
    record.created_at = job.row.created_at;
    record.durable = true;
    record.notice = job.notice;
    last_id_time_ = std::max(last_id_time_, job.row.created_at);
    if (job.row.key) {
        record.idempotency_key = job.row.key->key;
        keys_.remember(std::move(*job.row.key), job.id);
    }
    if (job.end) {
        record.ended = true;
        record.end = Record::End::recorded;
        // An older version left it out: the job is as young as can be, and from now on it ages.
        record.ended_after = job.ended_after.value_or(journal_.service_time());
        if (!job.ended_after) journal_.ended(job.id, record.ended_after);
        record.bytes = estimate_bytes(*request) + job.body.size();
        count_ended(record, job.end->snapshot);
        const auto& result = job.end->snapshot.result;
        if (result && !result->reused) archives_->add(job.id, *result);
        record.job =
            std::make_shared<archive::Job>(std::move(*request), std::move(job.end->snapshot));
        record.job->set_id(job.id);
        ended_.push_back(job.id);
        jobs_.emplace(job.id, std::move(record));
        return;
    }
    const bool readable = request.has_value();
    record.job =
        std::make_shared<archive::Job>(readable ? std::move(*request) : archive::ArchiveRequest{});
    record.job->set_id(job.id);
    record.job->set_recorder(journal_.recorder(job.id, archives_));
    record.queued_at = clock_.steady_now();
    record.bytes = estimate_bytes(record.job->request()) + job.body.size();
    totals_.live_bytes += record.bytes;
    if (job.cancel_requested) record.job->cancel();
    const auto at = jobs_.emplace(job.id, std::move(record)).first;
    if (readable) {
        enqueue(*at);
        return;
    }
    base::Error error = request.error();
    error.code = "request_unreadable";
    error.detail =
        "this version of s3zipd cannot read the request that was accepted: " + error.detail;
    at->second.job->fail(std::move(error), clock_.utc_now());
    finish(at);
    at->second.end = Record::End::failed;  // look_after() writes it
}

// The newest stays, whatever its size: somebody is about to ask for it. Ages are of service time,
// because the wall clock may jump.
void JobService::forget_old() {
    const auto now = clock_watch_.service_time(clock_.steady_now());
    const bool by_age = limits_.kept_time > std::chrono::hours::zero();
    std::size_t looked_at = 0;
    while (looked_at + 1 < ended_.size()) {
        const std::string id = ended_[looked_at];
        const bool old = by_age && now - jobs_.find(id)->second.ended_after > limits_.kept_time;
        if (ended_.size() <= limits_.kept_max && totals_.ended_bytes <= limits_.ended_bytes_max &&
            !old)
            return;
        const bool must = ended_.size() > 2 * limits_.kept_max ||
                          totals_.ended_bytes > 2 * limits_.ended_bytes_max;
        if (!may_forget(id, must)) {
            ++looked_at;
            continue;
        }
        forget(id);
        ended_.erase(ended_.begin() + static_cast<std::ptrdiff_t>(looked_at));
    }
}

// Its end must be in the journal, and nothing of it left in S3; who wants to hear of it must have
// been told, unless so many wait for that that it must be given up.
bool JobService::may_forget(const std::string& id, bool must) const {
    const Record& record = jobs_.find(id)->second;
    return record.end == Record::End::recorded && (must || !is_untold(record)) &&
           journal_.uploads_left(id).empty();
}

void JobService::forget(const std::string& id) {
    const auto at = jobs_.find(id);
    totals_.ended_bytes -= at->second.bytes;
    if (!at->second.idempotency_key.empty()) keys_.forget(at->second.idempotency_key, id);
    if (const auto result = at->second.job->snapshot().result) archives_->forget(id, *result);
    jobs_.erase(at);
    changes_.note(id);
    journal_.forget(id);
}

}  // namespace s3zipd
