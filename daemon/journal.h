// The journal of all jobs: what a restart needs so that a job accepted is a job that ends.
//
//   accept   durable before the client hears of it
//   recorder what the engine tells of a job that runs: its plan, its upload, its parts
//   end      how it ended; the plan and the parts go
//   forget   all of it
//
// Thread-safe; nothing here waits for the disk but open(), load() and a recorder's history(). What
// is to be written goes to a thread of its own (journal_writer.h) and `done` is called there. The
// rows are described in journal_rows.h, what guards them in journal_store.h. It outlives the engine
// and its recorders. Size: some 60 bytes an entry of a job that runs, 1 KiB a job that has ended.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/job_record.h"
#include "daemon/archive_index.h"
#include "daemon/journal_rows.h"
#include "daemon/journal_seal.h"
#include "daemon/journal_store.h"
#include "daemon/journal_writer.h"

namespace s3zipd {

// A job as an earlier process left it.
struct JournaledJob {
    std::string id;
    bool has_row = false;  // `row`; else it was forgotten
    JobRow row;
    std::string body;
    bool cancel_requested = false;
    std::optional<EndRow> end;  // with its report
    NoticeRow notice;
    std::optional<std::chrono::seconds> ended_after;  // of service time
};

class Journal {
  public:
    using Done = JournalWriter::Done;

    static base::Result<std::unique_ptr<Journal>> open(const std::string& directory);

    // Once, before anything else. Oldest first. Errors: corrupt.
    base::Result<std::vector<JournaledJob>> load();

    // `row.sealed` says whether the body names keys of customers.
    void accept(const std::string& id, JobRow row, std::string body, Done done);
    void cancel(const std::string& id, Done done);
    // `ended_after`: the time in service.
    void end(const std::string& id, const archive::JobSnapshot& snapshot,
             std::chrono::seconds ended_after, Done done);
    // Of one that an older version has ended.
    void ended(const std::string& id, std::chrono::seconds ended_after);
    // The time in service, as load() found it and as it shall be found.
    std::chrono::seconds service_time() const { return service_time_; }
    void keep_service_time(std::chrono::seconds time);
    void notice(const std::string& id, NoticeRow row);
    void forget(const std::string& id);
    // Writes something that stays nowhere, to find out whether it can be written again.
    void probe();

    // Lives as long as the job it is for, which may be longer than who asks for it.
    std::shared_ptr<archive::JobRecorder> recorder(const std::string& id,
                                                   std::shared_ptr<const ArchiveIndex> archives);

    // Uploads of a job that may still be in S3, by their numbers.
    std::vector<std::pair<std::uint64_t, UploadRow>> uploads_left(const std::string& id) const;
    void upload_over(const std::string& id, std::uint64_t number);
    // Ids of all uploads of all jobs that are not over.
    std::vector<std::string> known_upload_ids() const;

    bool healthy() const { return writer_->healthy(); }
    std::string problem() const { return writer_->problem(); }  // why it is not
    std::uint64_t commits() const { return writer_->commits(); }
    base::HistogramSnapshot commit_times() const { return writer_->commit_times(); }
    std::uint64_t bytes() const { return writer_->bytes(); }  // since the first commit

  private:
    class Recorder;
    using Lane = JournalWriter::Lane;
    Journal(const std::string& directory, std::unique_ptr<JournalStore> store);

    base::Status load_row(JournaledJob& job, std::vector<std::string>& report,
                          const JournalStore::Key& key, std::string_view data);
    base::Status load_service_time(const JournalStore::Key& key, std::string_view data);
    base::Status finish(JournaledJob& job, const std::vector<std::string>& report);
    base::Result<archive::JobHistory> history(const std::string& id,
                                              const archive::ArchiveRequest& request);
    base::Status read_parts(const std::string& id, std::uint64_t parts,
                            archive::JobHistory& history);
    base::Result<std::string> read_slices(const std::string& id, RowKind kind, std::uint64_t first);
    void put_upload(const std::string& id, std::uint64_t number, UploadRow row,
                    Durability durability, Done done);
    std::uint64_t upload_count(const std::string& id) const;

    JournalSeal seal_;
    std::unique_ptr<JournalStore> store_;
    std::chrono::seconds service_time_{};                    // by load()
    mutable std::mutex mutex_;                               // guards uploads_
    std::map<std::string, std::vector<UploadRow>> uploads_;  // of all jobs, by number
    std::unique_ptr<JournalWriter> writer_;                  // ends first
};

}  // namespace s3zipd
