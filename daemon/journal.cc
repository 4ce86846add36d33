#include "daemon/journal.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/manifest_codec.h"
#include "base/check.h"

namespace s3zipd {
namespace {

using base::Result;
using base::Status;

std::uint8_t kind_of(RowKind kind) { return static_cast<std::uint8_t>(kind); }

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
        case RowKind::job: return into(decode<JobRow>(data), job.row);
        case RowKind::body: job.body += data; return {};
        case RowKind::cancel: job.cancel_requested = true; return {};
        case RowKind::upload: {
            auto& uploads = uploads_[job.id];
            if (key.number != uploads.size()) return std::unexpected(corrupt(job.id, "has a gap"));
            return into(decode<UploadRow>(data), uploads.emplace_back());
        }
        case RowKind::end: return into(decode<EndRow>(data), job.end.emplace());
        case RowKind::report: report.emplace_back(data); return {};
        case RowKind::notice: return into(decode<NoticeRow>(data), job.notice);
        default: break;
    }
    return std::unexpected(corrupt(job.id, "is of a newer version of s3zipd"));
}

Status Journal::finish(JournaledJob& job, const std::vector<std::string>& report) {
    if (job.row.created_at == base::UtcTime{}) return std::unexpected(corrupt(job.id, "is torn"));
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

void Journal::end(const std::string& id, const archive::JobSnapshot& snapshot, Done done) {
    std::vector<std::string> report;
    std::vector<std::pair<std::uint64_t, UploadRow>> made;  // what Complete has made an archive of
    if (snapshot.result) {
        report = archive::encode_report(*snapshot.result->report);
        if (auto left = uploads_left(id);
            !left.empty() && left.back().second.state == UploadRow::State::open) {
            left.back().second.state = UploadRow::State::over;
            made.push_back(std::move(left.back()));
        }
    }
    const EndRow row{snapshot, report.size()};
    writer_->write(
        Lane::ordinary, Durability::process,
        [id, row = encode(row), report = std::move(report), made](JournalStore& store) -> Status {
            if (auto ok = store.erase(id, kind_of(RowKind::plan), kind_of(RowKind::stored)); !ok)
                return ok;
            for (std::size_t i = 0; i < report.size(); ++i) {
                if (auto ok = put(store, id, RowKind::report, i, report[i]); !ok) return ok;
            }
            for (const auto& [number, upload] : made) {
                if (auto ok = put(store, id, RowKind::upload, number, encode(upload)); !ok)
                    return ok;
            }
            return put(store, id, RowKind::end, 0, row);
        },
        [this, id, made, done = std::move(done)](const Status& written) mutable {
            if (written) {
                const std::lock_guard lock(mutex_);
                for (const auto& [number, upload] : made) uploads_[id][number] = upload;
            }
            done(written);
        });
}

void Journal::notice(const std::string& id, NoticeRow row) {
    writer_->write(Lane::ordinary, Durability::process,
                   [id, row = encode(row)](JournalStore& store) {
                       return put(store, id, RowKind::notice, 0, row);
                   },
                   {});
}

void Journal::forget(const std::string& id) {
    drop_job(id);
    writer_->write(Lane::ordinary, Durability::process,
                   [id](JournalStore& store) { return store.erase(id, 0, 255); }, {});
}

void Journal::drop_job(const std::string& id) {
    const std::lock_guard lock(mutex_);
    uploads_.erase(id);
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
    put_upload(id, number, std::move(row), {});
}

void Journal::put_upload(const std::string& id, std::uint64_t number, UploadRow row, Done done) {
    std::string encoded = encode(row);
    {
        const std::lock_guard lock(mutex_);
        auto& uploads = uploads_[id];
        if (number == uploads.size()) uploads.emplace_back();
        uploads[number] = std::move(row);
    }
    writer_->write(
        Lane::ordinary, Durability::process,
        [id, number, encoded = std::move(encoded)](JournalStore& store) {
            return put(store, id, RowKind::upload, number, encoded);
        },
        std::move(done));
}

}  // namespace s3zipd
