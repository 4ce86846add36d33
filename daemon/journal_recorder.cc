// What the engine tells of a job that runs, and what it is told of one that an earlier process ran.
#include <algorithm>
#include <atomic>

#include "archive/manifest_codec.h"
#include "base/clock.h"
#include "daemon/journal.h"

namespace s3zipd {
namespace {

using archive::JobHistory;
using base::Result;
using base::Status;

// The parts' rows are slices, since one of many small entries may be longer than a row.
constexpr int kSliceBits = 16;
std::uint64_t slice_of(std::uint64_t part_number) { return part_number << kSliceBits; }

// The recorder cannot do better than to try: the writer logs what fails.
JournalWriter::Done always(archive::JobRecorder::Done done) {
    return [done = std::move(done)](const Status&) mutable { done(); };
}

}  // namespace

class Journal::Recorder final : public archive::JobRecorder {
  public:
    Recorder(Journal& journal, std::string id, std::shared_ptr<const ArchiveIndex> archives)
        : journal_(journal), id_(std::move(id)), archives_(std::move(archives)) {}

    Result<JobHistory> history(const archive::ArchiveRequest& request) override {
        return journal_.history(id_, request);
    }
    std::optional<archive::ArchiveResult> find_archive(const std::string& fingerprint,
                                                       const std::string& bucket) override {
        return archives_->find(fingerprint, bucket);
    }
    void planned(archive::PlanRecord plan, std::vector<std::string> manifest, Done done) override;
    void upload_begins(Done done) override {
        UploadRow row;
        row.asked_at = now();
        journal_.put_upload(id_, journal_.upload_count(id_), std::move(row), Durability::process,
                            always(std::move(done)));
    }
    void upload_begun(archive::UploadRecord upload, Done done) override;
    void upload_over(std::string upload_id) override;
    void part_ready(archive::PartRecord part, Done done) override;
    void part_stored(std::uint32_t number, std::string etag) override;

  private:
    static base::UtcTime now() { return base::system_clock().utc_now(); }
    void write(JournalWriter::Write write, JournalWriter::Done done, std::size_t bytes = 0) {
        journal_.writer_->write(Lane::ordinary, Durability::process, std::move(write),
                                std::move(done), bytes);
    }

    Journal& journal_;
    const std::string id_;
    const std::shared_ptr<const ArchiveIndex> archives_;
};

std::shared_ptr<archive::JobRecorder> Journal::recorder(
    const std::string& id, std::shared_ptr<const ArchiveIndex> archives) {
    return std::make_shared<Recorder>(*this, id, std::move(archives));
}

// A chunk at a time, so that others come in between; the plan's own row says that all are there.
void Journal::Recorder::planned(archive::PlanRecord plan, std::vector<std::string> manifest,
                                Done done) {
    const auto whole = std::make_shared<std::atomic<bool>>(true);
    const auto note = [whole](const Status& written) {
        if (!written) *whole = false;
    };
    write(
        [id = id_](JournalStore& store) {
            return store.erase(id, kind_of(RowKind::plan), kind_of(RowKind::stored));
        },
        note);
    for (std::size_t i = 0; i < manifest.size(); ++i) {
        const std::size_t bytes = manifest[i].size();
        write(
            [id = id_, i, chunk = std::move(manifest[i])](JournalStore& store) {
                return store.put({id, kind_of(RowKind::manifest), i}, chunk);
            },
            note, bytes);
    }
    const PlanRow row{std::move(plan), manifest.size(), journal_.upload_count(id_)};
    write(
        [id = id_, row = encode(row), whole](JournalStore& store) -> Status {
            if (!*whole) {
                return base::fail(base::ErrorKind::exhausted, "journal_unavailable",
                                  "a plan could not be recorded as a whole");
            }
            return store.put({id, kind_of(RowKind::plan), 0}, row);
        },
        always(std::move(done)));
}

void Journal::Recorder::upload_begun(archive::UploadRecord upload, Done done) {
    const auto left = journal_.uploads_left(id_);
    if (left.empty()) return done();
    auto [number, row] = left.back();
    row.state = UploadRow::State::open;
    row.settled_at = now();
    row.upload_id = std::move(upload.upload_id);
    row.checked = upload.checked;
    row.checksums = upload.checksums;
    // Synced, with the plan before it: S3 keeps an upload whatever becomes of this machine.
    journal_.put_upload(id_, number, std::move(row), Durability::power, always(std::move(done)));
}

void Journal::Recorder::upload_over(std::string upload_id) {
    // The last: of those whose id nobody knows, the earlier ones are another matter.
    const auto left = journal_.uploads_left(id_);
    const auto is_it = [&](const auto& upload) { return upload.second.upload_id == upload_id; };
    const auto found = std::find_if(left.rbegin(), left.rend(), is_it);
    if (found != left.rend()) journal_.upload_over(id_, found->first);
}

void Journal::Recorder::part_ready(archive::PartRecord part, Done done) {
    const std::uint64_t first = slice_of(part.part.number);
    std::string encoded = encode(part);
    const std::size_t bytes = encoded.size();
    write(
        [id = id_, first, row = std::move(encoded)](JournalStore& store) -> Status {
            std::string_view rest = row;
            for (std::uint64_t number = first; !rest.empty(); ++number) {
                const std::string_view slice = rest.substr(0, JournalStore::kRowBytesMax);
                if (auto ok = store.put({id, kind_of(RowKind::part), number}, slice); !ok)
                    return ok;
                rest.remove_prefix(slice.size());
            }
            return {};
        },
        always(std::move(done)), bytes);
}

void Journal::Recorder::part_stored(std::uint32_t number, std::string etag) {
    write(
        [id = id_, number, etag = std::move(etag)](JournalStore& store) {
            return store.put({id, kind_of(RowKind::stored), number}, etag);
        },
        {});
}

Result<JobHistory> Journal::history(const std::string& id, const archive::ArchiveRequest& request) {
    JobHistory history;
    const auto bytes = store_->get({id, kind_of(RowKind::plan), 0});
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return history;
    auto row = decode<PlanRow>(**bytes);
    if (!row) return std::unexpected(row.error());
    archive::ManifestDecoder manifest(request);
    for (std::uint64_t i = 0; i < row->chunks; ++i) {
        const auto chunk = store_->get({id, kind_of(RowKind::manifest), i});
        if (!chunk) return std::unexpected(chunk.error());
        if (auto added = manifest.add(chunk->value_or("")); !added)
            return std::unexpected(added.error());
    }
    auto decoded = manifest.finish();
    if (!decoded) return std::unexpected(decoded.error());
    history.manifest = std::move(*decoded);
    history.plan = std::move(row->plan);
    {
        const std::lock_guard lock(mutex_);
        const auto& uploads = uploads_[id];
        for (std::size_t i = row->uploads_before; i < uploads.size(); ++i) {
            if (!uploads[i].upload_id.empty()) ++history.uploads_begun;
            history.upload.reset();
            if (uploads[i].state == UploadRow::State::open)
                history.upload = {uploads[i].upload_id, uploads[i].checked, uploads[i].checksums};
        }
    }
    if (auto read = read_parts(id, history.plan.parts, history); !read)
        return std::unexpected(read.error());
    return history;
}

Status Journal::read_parts(const std::string& id, std::uint64_t parts, JobHistory& history) {
    for (std::uint64_t number = 1; number <= parts; ++number) {
        const auto bytes = read_slices(id, RowKind::part, slice_of(number));
        if (!bytes) return std::unexpected(bytes.error());
        if (bytes->empty()) continue;
        auto record = decode<archive::PartRecord>(*bytes);
        if (!record) return std::unexpected(record.error());
        const auto etag = store_->get({id, kind_of(RowKind::stored), number});
        if (!etag) return std::unexpected(etag.error());
        record->part.etag = etag->value_or("");
        history.parts.push_back(std::move(*record));
    }
    return {};
}

Result<std::string> Journal::read_slices(const std::string& id, RowKind kind, std::uint64_t first) {
    std::string all;
    for (std::uint64_t number = first;; ++number) {
        const auto slice = store_->get({id, kind_of(kind), number});
        if (!slice) return std::unexpected(slice.error());
        if (!*slice) return all;
        all += **slice;
        if ((*slice)->size() < JournalStore::kRowBytesMax) return all;
    }
}

}  // namespace s3zipd
