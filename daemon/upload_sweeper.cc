#include "daemon/upload_sweeper.h"

#include <algorithm>

#include "base/log.h"

namespace s3zipd {
namespace {

using archive::Release;

// A Create whose answer nobody has may have come to S3 so long after it was written down: its
// attempts end before.
constexpr base::UtcTime::duration kCreateMax = std::chrono::minutes(5);

}  // namespace

struct UploadSweeper::State : std::enable_shared_from_this<State> {
    State(JobEngine& the_engine, Journal& the_journal) : engine(the_engine), journal(the_journal) {}

    void next();
    void ended(const SweepItem& item, const base::Result<Release>& release);

    JobEngine& engine;
    Journal& journal;
    std::mutex mutex;
    bool stopped = false;
    bool busy = false;
    std::deque<SweepItem> items;
    std::map<std::pair<std::string, std::uint64_t>, unsigned> attempts;
};

UploadSweeper::UploadSweeper(JobEngine& engine, Journal& journal)
    : state_(std::make_shared<State>(engine, journal)) {}

UploadSweeper::~UploadSweeper() { stop(); }

void UploadSweeper::stop() {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
}

void UploadSweeper::sweep(std::deque<SweepItem> items) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->busy || items.empty()) return;
        state_->items = std::move(items);
    }
    state_->next();
}

void UploadSweeper::State::next() {
    SweepItem item;
    {
        const std::lock_guard lock(mutex);
        busy = !stopped && !items.empty();
        if (!busy) return;
        item = std::move(items.front());
        items.pop_front();
    }
    archive::UploadClaim claim = item.claim;
    claim.known = journal.known_upload_ids();
    claim.job = item.job;
    engine.release_upload(std::move(claim), [self = shared_from_this(), item = std::move(item)](
                                                base::Result<Release> release) {
        {
            const std::lock_guard lock(self->mutex);
            if (self->stopped) return;  // the journal may be gone
            self->ended(item, release);
        }
        self->next();
    });
}

void UploadSweeper::State::ended(const SweepItem& item, const base::Result<Release>& release) {
    const bool over = release && (*release == Release::gone || *release == Release::none_found);
    unsigned& tried = attempts[{item.job, item.number}];
    const bool given_up = !over && ++tried >= kAttemptsMax;
    if (release && *release == Release::gone) {
        base::log_info("an upload that was left behind is gone",
                       {{"job", item.job}, {"bucket", item.claim.bucket}, {"key", item.claim.key}});
    } else if (!over) {
        base::log(given_up ? base::LogLevel::error : base::LogLevel::warn,
                  given_up ? "an upload is left behind in S3: it is given up"
                           : "an upload that was left behind could not be released",
                  {{"job", item.job},
                   {"bucket", item.claim.bucket},
                   {"key", item.claim.key},
                   {"upload_id", item.claim.upload_id},
                   {"error", release ? "more than one could be it, or it outlived being aborted"
                                     : release.error().to_string()}});
    }
    if (!over && !given_up) return;
    attempts.erase({item.job, item.number});
    journal.upload_over(item.job, item.number);
}

std::optional<archive::UploadClaim> claim_of(const UploadRow& row,
                                             const archive::ArchiveRequest& request,
                                             base::UtcTime now, base::UtcTime::duration grace) {
    const bool known = row.state == UploadRow::State::open;
    if (!known && now - row.asked_at < std::max(grace, kCreateMax)) return std::nullopt;
    archive::UploadClaim claim{request.destination.bucket, request.destination.key};
    claim.upload_id = row.upload_id;
    claim.created_from = row.asked_at;
    claim.created_until = row.settled_at.value_or(row.asked_at + kCreateMax);
    claim.role_arn = request.options.role_arn;
    claim.external_id = request.options.external_id;
    claim.access = request.destination.access;
    return claim;
}

}  // namespace s3zipd
