#include "daemon/journal.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/manifest_codec.h"
#include "base/log.h"

namespace s3zipd {
namespace {

using base::Result;
using base::Status;

base::Error corrupt(const std::string& id, std::string_view what) {
    return {base::ErrorKind::corrupt,
            "journal_corrupt",
            fmt::format("the journal's record of job {} {}", id, what),
            0,
            {},
            {}};
}

Status put(JournalStore& store, const std::string& id, RowKind kind, std::uint64_t number,
           std::string_view data) {
    return store.put({id, kind_of(kind), number}, data);
}

// Longer than a row: in rows of rising numbers.
Status put_slices(JournalStore& store, const std::string& id, RowKind kind, std::uint64_t first,
                  std::string_view data) {
    do {
        const std::string_view slice = data.substr(0, JournalStore::kRowBytesMax);
        if (auto written = put(store, id, kind, first++, slice); !written) return written;
        data.remove_prefix(slice.size());
    } while (!data.empty());
    return {};
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory) {
    auto store = JournalStore::open(directory);
    if (!store) return std::unexpected(store.error());
    return std::unique_ptr<Journal>(new Journal(directory, std::move(*store)));
}

Journal::Journal(const std::string& directory, std::unique_ptr<JournalStore> store)
    : seal_(directory),
      store_(std::move(store)),
      writer_(std::make_unique<JournalWriter>(*store_)) {}

Result<std::vector<JournaledJob>> Journal::load() {
    std::vector<JournaledJob> jobs;
    std::vector<std::string> report;
    const auto wanted = [](std::uint8_t kind) {
        const auto row = static_cast<RowKind>(kind);
        return row != RowKind::plan && row != RowKind::manifest && row != RowKind::part &&
               row != RowKind::stored;
    };
    auto read = store_->for_each(
        wanted, [&](const JournalStore::Key& key, std::string_view data) -> Status {
            if (key.job.empty()) return load_service_time(key, data);
            if (jobs.empty() || jobs.back().id != key.job) {
                if (!jobs.empty()) {
                    if (auto whole = finish(jobs.back(), report); !whole) return whole;
                }
                report.clear();
                jobs.emplace_back().id = key.job;
            }
            return load_row(jobs.back(), report, key, data);
        });
    if (read && !jobs.empty()) read = finish(jobs.back(), report);
    if (!read) return std::unexpected(read.error());
    // What was written of a job just after it was forgotten. Rows are not lost, so nothing is.
    const auto is_gone = [](const JournaledJob& job) { return !job.has_row; };
    for (const JournaledJob& job : jobs) {
        if (!is_gone(job)) continue;
        base::log_warn("rows of a job that was forgotten are removed", {{"job", job.id}});
        forget(job.id);
    }
    std::erase_if(jobs, is_gone);
    return jobs;
}

Status Journal::load_row(JournaledJob& job, std::vector<std::string>& report,
                         const JournalStore::Key& key, std::string_view data) {
    const auto into = [](auto decoded, auto& out) -> Status {
        if (!decoded) return std::unexpected(decoded.error());
        out = std::move(*decoded);
        return {};
    };
    switch (static_cast<RowKind>(key.kind)) {
        case RowKind::job: job.has_row = true; return into(decode<JobRow>(data), job.row);
        case RowKind::body: job.body += data; return {};
        case RowKind::cancel: job.cancel_requested = true; return {};
        case RowKind::upload: {
            auto& uploads = uploads_[job.id];
            constexpr std::uint64_t kUploadsMax = 10'000;
            if (key.number < uploads.size() || key.number > kUploadsMax)
                return std::unexpected(corrupt(job.id, "has an upload too many"));
            // Those between could not be written; they were over before this one began.
            while (uploads.size() < key.number)
                uploads.emplace_back().state = UploadRow::State::over;
            return into(decode<UploadRow>(data), uploads.emplace_back());
        }
        case RowKind::end: return into(decode<EndRow>(data), job.end.emplace());
        case RowKind::report: report.emplace_back(data); return {};
        case RowKind::notice: return into(decode<NoticeRow>(data), job.notice);
        case RowKind::ended: {
            ServiceTimeRow row;
            auto read = into(decode<ServiceTimeRow>(data), row);
            job.ended_after = row.time;
            service_time_ = std::max(service_time_, row.time);
            return read;
        }
        default: break;
    }
    return std::unexpected(corrupt(job.id, "is of a newer version of s3zipd"));
}

// The row of no job.
Status Journal::load_service_time(const JournalStore::Key& key, std::string_view data) {
    if (static_cast<RowKind>(key.kind) != RowKind::service)
        return std::unexpected(corrupt("(none)", "is of a newer version of s3zipd"));
    const auto row = decode<ServiceTimeRow>(data);
    if (!row) return std::unexpected(row.error());
    service_time_ = std::max(service_time_, row->time);
    return {};
}

Status Journal::finish(JournaledJob& job, const std::vector<std::string>& report) {
    if (!job.has_row) return {};
    if (job.body.size() != job.row.body_bytes ||
        (job.end && report.size() != job.end->report_chunks))
        return std::unexpected(corrupt(job.id, "is not whole"));
    if (job.row.sealed) {
        auto body = seal_.open(job.body, job.id);
        if (!body) return std::unexpected(body.error());
        job.body = std::move(*body);
    }
    if (!job.end || !job.end->snapshot.result) return {};
    auto decoded = archive::decode_report(report);
    if (!decoded) return std::unexpected(decoded.error());
    job.end->snapshot.result->report = std::move(*decoded);
    return {};
}

void Journal::accept(const std::string& id, JobRow row, std::string body, Done done) {
    if (row.sealed) {
        auto sealed = seal_.seal(body, id);
        if (!sealed) return done(std::unexpected(sealed.error()));
        body = std::move(*sealed);
    }
    row.body_bytes = body.size();
    writer_->write(
        Lane::urgent, Durability::power,
        [id, row = encode(row), body = std::move(body)](JournalStore& store) -> Status {
            if (auto ok = put(store, id, RowKind::job, 0, row); !ok) return ok;
            return put_slices(store, id, RowKind::body, 0, body);
        },
        std::move(done));
}

void Journal::cancel(const std::string& id, Done done) {
    writer_->write(
        Lane::urgent, Durability::power,
        [id](JournalStore& store) { return put(store, id, RowKind::cancel, 0, {}); },
        std::move(done));
}

void Journal::end(const std::string& id, const archive::JobSnapshot& snapshot,
                  std::chrono::seconds ended_after, Done done) {
    std::vector<std::string> report;
    if (snapshot.result) report = archive::encode_report(*snapshot.result->report);
    const EndRow row{snapshot, report.size()};
    std::size_t report_bytes = 0;
    for (const std::string& chunk : report) report_bytes += chunk.size();
    // Synced: people are told of it, and must not see the job run again after a power failure.
    writer_->write(
        Lane::ordinary, Durability::power,
        [id, row = encode(row), at = encode(ServiceTimeRow{ended_after}),
         report = std::move(report)](JournalStore& store) -> Status {
            if (auto ok = store.erase(id, kind_of(RowKind::plan), kind_of(RowKind::stored)); !ok)
                return ok;
            if (auto ok = put(store, id, RowKind::ended, 0, at); !ok) return ok;
            for (std::size_t i = 0; i < report.size(); ++i) {
                if (auto ok = put(store, id, RowKind::report, i, report[i]); !ok) return ok;
            }
            return put(store, id, RowKind::end, 0, row);
        },
        std::move(done), report_bytes);
}

void Journal::ended(const std::string& id, std::chrono::seconds ended_after) {
    writer_->write(Lane::ordinary, Durability::process,
                   [id, row = encode(ServiceTimeRow{ended_after})](JournalStore& store) {
                       return put(store, id, RowKind::ended, 0, row);
                   },
                   {});
}

void Journal::keep_service_time(std::chrono::seconds time) {
    writer_->write(Lane::ordinary, Durability::process,
                   [row = encode(ServiceTimeRow{time})](JournalStore& store) {
                       return put(store, {}, RowKind::service, 0, row);
                   },
                   {});
}

void Journal::notice(const std::string& id, NoticeRow row) {
    writer_->write(Lane::ordinary, Durability::process,
                   [id, row = encode(row)](JournalStore& store) {
                       return put(store, id, RowKind::notice, 0, row);
                   },
                   {});
}

// Under the lock: no row of an upload can be written after it.
void Journal::forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    uploads_.erase(id);
    writer_->write(Lane::ordinary, Durability::process,
                   [id](JournalStore& store) { return store.erase(id, 0, 255); }, {});
}

void Journal::probe() {
    writer_->write(Lane::ordinary, Durability::power,
                   [](JournalStore& store) -> Status {
                       const std::string nobody = "probe";
                       if (auto ok = put(store, nobody, RowKind::cancel, 0, {}); !ok) return ok;
                       return store.erase(nobody, 0, 255);
                   },
                   {});
}

std::uint64_t Journal::upload_count(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = uploads_.find(id);
    return found == uploads_.end() ? 0 : found->second.size();
}

std::vector<std::pair<std::uint64_t, UploadRow>> Journal::uploads_left(
    const std::string& id) const {
    std::vector<std::pair<std::uint64_t, UploadRow>> left;
    const std::lock_guard lock(mutex_);
    const auto found = uploads_.find(id);
    if (found == uploads_.end()) return left;
    for (std::size_t i = 0; i < found->second.size(); ++i) {
        if (found->second[i].state != UploadRow::State::over)
            left.emplace_back(i, found->second[i]);
    }
    return left;
}

std::vector<std::string> Journal::known_upload_ids() const {
    std::vector<std::string> ids;
    const std::lock_guard lock(mutex_);
    for (const auto& [job, uploads] : uploads_) {
        for (const UploadRow& row : uploads) {
            if (row.state == UploadRow::State::open) ids.push_back(row.upload_id);
        }
    }
    return ids;
}

void Journal::upload_over(const std::string& id, std::uint64_t number) {
    UploadRow row;
    {
        const std::lock_guard lock(mutex_);
        const auto found = uploads_.find(id);
        if (found == uploads_.end() || number >= found->second.size()) return;
        row = found->second[number];
    }
    row.state = UploadRow::State::over;
    put_upload(id, number, std::move(row), Durability::process, {});
}

void Journal::put_upload(const std::string& id, std::uint64_t number, UploadRow row,
                         Durability durability, Done done) {
    std::string encoded = encode(row);
    const std::lock_guard lock(mutex_);
    auto& uploads = uploads_[id];
    if (number >= uploads.size()) uploads.resize(number + 1);
    uploads[number] = std::move(row);
    writer_->write(
        Lane::ordinary, durability,
        [id, number, encoded = std::move(encoded)](JournalStore& store) {
            return put(store, id, RowKind::upload, number, encoded);
        },
        std::move(done));
}

}  // namespace s3zipd
