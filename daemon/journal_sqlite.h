// SQLite in our words: a connection, its statements, and what its errors mean to us.
//
// A connection holds the database alone (locking_mode=EXCLUSIVE: the WAL's index lies in memory,
// there is no -shm file), maps no file (a garbled one gives an error, never a SIGBUS) and never
// checkpoints by itself, not even when it is closed: whoever finds damage leaves the files as they
// are. Statements are destroyed before their connection. Not thread-safe: the store has the lock.
#pragma once

#include <sqlite3.h>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace s3zipd {

class JournalConnection;

class JournalStatement {
  public:
    JournalStatement() = default;

    // Parameters count from 1. `bytes` must live until reset() or run().
    void bind(int at, std::int64_t value);
    void bind(int at, std::string_view bytes);

    base::Result<bool> step();  // true: there is a row
    base::Status run();         // to its end, and resets it
    void reset();

    // Columns count from 0; valid until the next step() or reset().
    std::int64_t number(int column) const;
    std::string_view bytes(int column) const;

  private:
    friend class JournalConnection;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    const JournalConnection* connection_ = nullptr;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// A statement in use: resets it at the end of the scope, so that no read stays open.
class JournalUse {
  public:
    explicit JournalUse(JournalStatement& statement) : statement_(statement) {}
    JournalUse(const JournalUse&) = delete;
    JournalUse& operator=(const JournalUse&) = delete;
    ~JournalUse() { statement_.reset(); }
    JournalStatement* operator->() { return &statement_; }

  private:
    JournalStatement& statement_;
};

class JournalConnection {
  public:
    // The file must exist; nothing is written to it yet. Next come make_new(), if it is empty, or
    // use_wal(), once the database is known to be a journal.
    static base::Result<std::unique_ptr<JournalConnection>> open(const std::string& path);
    JournalConnection(const JournalConnection&) = delete;
    JournalConnection& operator=(const JournalConnection&) = delete;
    ~JournalConnection();
    base::Status make_new();
    base::Status use_wal();

    base::Result<JournalStatement> prepare(std::string_view sql) const;
    base::Status run(const char* script) const;  // rows are dropped
    base::Result<std::int64_t> number(std::string_view sql) const;
    base::Result<std::string> text(std::string_view sql) const;

    bool in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }
    void roll_back() const;  // if there is one

    // Of frames that are not in the database yet; at first the whole file, to be on the safe side.
    std::uint64_t wal_bytes() const { return wal_bytes_; }
    base::Status sync_wal() const;  // after it, all that was committed survives a power failure
    // Makes the WAL's file so large, once: a sync that need not make a file larger is quicker, with
    // ext4 by a third and more. SQLite stops reading at the first frame that is none.
    base::Status grow_wal(std::uint64_t bytes);
    // Likewise, and copies the WAL's frames to the database. `mode` is SQLITE_CHECKPOINT_*.
    base::Status checkpoint(int mode);
    // After checkpoint(SQLITE_CHECKPOINT_TRUNCATE): the WAL goes away with the connection.
    void remove_wal_on_close() const;

    // Reads both files from end to end. Error: the disk cannot; what is in them does not matter.
    base::Status read_through() const;

    // The first fsync that failed, whosever it was. The kernel may have dropped what it could not
    // write, and the next fsync will not say so: nothing written after it is certain.
    const std::optional<base::Error>& sync_error() const { return sync_error_; }

    // What the call that just failed with `code` means; reads errno.
    base::Error error(int code, std::string_view doing) const;

  private:
    explicit JournalConnection(std::string path) : path_(std::move(path)) {}
    base::Status configure();
    base::Result<sqlite3_file*> wal() const;  // null: not open yet
    static int on_commit(void* self, sqlite3* database, const char* schema, int wal_pages);

    std::string path_;
    sqlite3* database_ = nullptr;
    std::uint64_t frame_bytes_ = 0;
    std::uint64_t wal_bytes_ = 0;
    bool wal_grown_ = false;
    mutable std::optional<base::Error> sync_error_;
};

}  // namespace s3zipd
