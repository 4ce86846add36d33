// The durable base of the job journal: checked key/value rows in SQLite, in a directory that one
// process holds. It knows nothing of jobs.
//
// What was committed is there after a crash, and what is there is what was committed: open() reads
// and checks everything (structure, a checksum of each row, their number and sum, and that no
// acknowledged commit is missing: journal_mark.h) and refuses what is damaged.
//
// Thread-safe, by a mutex held through each call. One thread writes; another may read meanwhile,
// and sees an open transaction. Calls block on the disk: never on a reactor.
// Cost: about 20 us a small commit that survives the process, an fsync one that survives the
// power; memory some 5 MiB (SQLite's page cache), whatever the journal's size.
//
// Errors: journal_full (exhausted), journal_unavailable (denied, invalid), journal_corrupt
// (corrupt), journal_replaced, journal_too_new and journal_row_invalid (invalid). They name the
// path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace s3zipd {

// What a commit survives: the death of this process (written, not synced), or also a power failure.
enum class Durability : std::uint8_t { process, power };

class JournalStore {
  public:
    static constexpr std::size_t kRowBytesMax = 1 << 20;
    static constexpr std::size_t kJobBytesMax = 128;
    static constexpr std::uint64_t kNumberMax = INT64_MAX;

    struct Key {
        std::string_view job;  // any bytes
        std::uint8_t kind = 0;
        std::uint64_t number = 0;
    };
    struct Size {
        std::uint64_t file_bytes = 0;
        std::uint64_t wal_bytes = 0;  // committed and not yet copied to the file
        std::uint64_t rows = 0;       // of the last commit
    };

    // Makes the directory (0700; not its parents) and the store if missing. Takes time: it reads
    // all there is, about 300 MB a second.
    static base::Result<std::unique_ptr<JournalStore>> open(const std::string& directory);
    // Rolls back what is open and copies the WAL into the file: a clean stop leaves no WAL.
    ~JournalStore();
    JournalStore(const JournalStore&) = delete;
    JournalStore& operator=(const JournalStore&) = delete;

    // A transaction: begin(), put() and erase(), then commit() or roll_back(). After an error of a
    // put or erase nothing is left of it, and commit() repeats that error. After an error of
    // commit() nothing is left of it either, unless the fsync failed: then it may be found after a
    // restart. Once any fsync has failed, the store refuses to write until it is opened again. A
    // commit fails while the directory or a file of it is not the one that was opened.
    // REQUIRES: one at a time.
    base::Status begin();
    base::Status put(const Key& key, std::string_view data);  // inserts or replaces
    // All numbers of the kinds first..last.
    base::Status erase(std::string_view job, std::uint8_t kind_first, std::uint8_t kind_last);
    // With nothing put or erased, Durability::power still covers the commits before.
    base::Status commit(Durability durability);
    void roll_back();

    // Ordered by job (bytewise), kind, number. Rows of kinds that are not wanted are not read. The
    // views live as long as the call of `row`, which must not call the store; its error ends it.
    base::Status for_each(
        const std::function<bool(std::uint8_t kind)>& wanted,
        const std::function<base::Status(const Key&, std::string_view data)>& row);
    base::Result<std::optional<std::string>> get(const Key& key);

    // For when nothing else is to do: copies the WAL into the file once it has grown, gives freed
    // pages back to the file system; a bounded piece a call. True: there is more.
    base::Result<bool> maintain();
    // Looks whether the directory and its files are still those that were opened; commit() does so
    // by itself. Error: journal_replaced.
    base::Status check_in_place() const;
    Size size() const;

  private:
    struct State;
    explicit JournalStore(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace s3zipd
