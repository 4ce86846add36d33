#include "daemon/journal_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <array>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "daemon/journal_directory.h"
#include "daemon/journal_mark.h"
#include "daemon/journal_open.h"
#include "daemon/journal_schema.h"
#include "daemon/journal_sqlite.h"

namespace s3zipd {
namespace {

// maintain() copies a WAL larger than this into the file, and leaves so many free pages for what
// comes next; it moves so many pages a call.
constexpr std::uint64_t kWalBytes = 4 << 20;
// The file holds a batch more than that before it is copied.
constexpr std::uint64_t kWalFileBytes = 6 << 20;
constexpr std::int64_t kFreePagesKept = 64;
constexpr std::string_view kGivePagesBack = "PRAGMA incremental_vacuum(64)";
// commit() does not wait for maintain() beyond this.
constexpr std::uint64_t kWalBytesMax = 256 << 20;

enum class Transaction : std::uint8_t { none, open, failed };

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

struct JournalStore::State {
    explicit State(OpenJournal opened)
        : directory(std::move(opened.directory)),
          mark(std::move(opened.mark)),
          connection(std::move(opened.connection)),
          committed(opened.meta),
          pending(opened.meta) {}

    base::Status prepare();
    base::Status check_key(const Key& key) const;
    base::Status put(const Key& key, std::string_view data);
    base::Status erase(std::string_view job, std::uint8_t first, std::uint8_t last);
    base::Status finish(base::Status written);
    base::Status commit(Durability durability);
    base::Status write_commit(Durability durability);
    void write_mark(std::uint64_t synced);
    base::Status checkpoint(int mode);
    base::Status check_row(const Key& key, JournalStatement& row, int sum_column) const;
    base::Result<bool> maintain();
    void end_transaction();
    void close();
    std::string database_path() const { return directory.path_of(kJournalDatabase); }

    // In the order of construction: the lock goes last, the statements before their connection.
    JournalDirectory directory;
    JournalMark mark;
    std::unique_ptr<JournalConnection> connection;
    JournalStatement begin, find, insert, remove_sums, remove, read, read_all, write_meta, end,
        free_pages, give_pages_back;
    JournalMeta committed, pending;
    Transaction transaction = Transaction::none;
    bool changed = false;               // by this transaction
    bool gives_back = false;            // free pages, since the last checkpoint
    bool mark_lags = false;             // it could not be written after the last commit
    std::optional<base::Error> failed;  // of this transaction
    std::mutex mutex;
};

base::Status JournalStore::State::prepare() {
    const std::pair<JournalStatement*, std::string_view> statements[] = {
        {&begin, "BEGIN IMMEDIATE"},
        {&end, "COMMIT"},
        {&find, "SELECT sum FROM entry WHERE job = ?1 AND kind = ?2 AND number = ?3"},
        {&insert,
         "INSERT OR REPLACE INTO entry (job, kind, number, sum, data) "
         "VALUES (?1, ?2, ?3, ?4, ?5)"},
        {&remove_sums, "SELECT sum FROM entry WHERE job = ?1 AND kind BETWEEN ?2 AND ?3"},
        {&remove, "DELETE FROM entry WHERE job = ?1 AND kind BETWEEN ?2 AND ?3"},
        {&read, "SELECT sum, data FROM entry WHERE job = ?1 AND kind = ?2 AND number = ?3"},
        // ?1 has a byte for each kind.
        {&read_all,
         "SELECT job, kind, number, sum, data FROM entry "
         "WHERE substr(?1, kind + 1, 1) = x'01' ORDER BY job, kind, number"},
        {&write_meta, kWriteMeta},
        {&free_pages, "PRAGMA freelist_count"},
        {&give_pages_back, kGivePagesBack}};
    for (const auto& [statement, sql] : statements) {
        auto prepared = connection->prepare(sql);
        if (!prepared) return base::fail(prepared.error());
        *statement = std::move(*prepared);
    }
    return {};
}

base::Status JournalStore::State::check_key(const Key& key) const {
    if (key.job.size() <= kJobBytesMax && key.number <= kNumberMax) return {};
    return base::fail(
        base::ErrorKind::invalid, "journal_row_invalid",
        fmt::format("{}: a row's job has {} bytes, at most {}, and its number is {}, at most {}",
                    database_path(), key.job.size(), kJobBytesMax, key.number, kNumberMax));
}

base::Status JournalStore::State::put(const Key& key, std::string_view data) {
    if (auto good = check_key(key); !good) return good;
    if (data.size() > kRowBytesMax) {
        return base::fail(base::ErrorKind::invalid, "journal_row_invalid",
                          fmt::format("{}: a row of {} bytes, at most {}", database_path(),
                                      data.size(), kRowBytesMax));
    }
    for (JournalStatement* statement : {&find, &insert}) {
        statement->bind(1, key.job);
        statement->bind(2, key.kind);
        statement->bind(3, signed_of(key.number));
    }
    {
        const JournalUse use(find);
        const auto old = find.step();
        if (!old) return base::fail(old.error());
        if (*old) {
            pending.rows_sum -= static_cast<std::uint64_t>(find.number(0));
            --pending.rows;
        }
    }
    const std::uint64_t sum = row_sum(key.job, key.kind, key.number, data);
    insert.bind(4, signed_of(sum));
    insert.bind(5, data);
    pending.rows_sum += sum;
    ++pending.rows;
    changed = true;
    return insert.run();
}

base::Status JournalStore::State::erase(std::string_view job, std::uint8_t first,
                                        std::uint8_t last) {
    for (JournalStatement* statement : {&remove_sums, &remove}) {
        statement->bind(1, job);
        statement->bind(2, first);
        statement->bind(3, last);
    }
    std::uint64_t rows = 0;
    {
        const JournalUse use(remove_sums);
        for (;; ++rows) {
            const auto row = remove_sums.step();
            if (!row) return base::fail(row.error());
            if (!*row) break;
            pending.rows_sum -= static_cast<std::uint64_t>(remove_sums.number(0));
        }
    }
    if (rows == 0) return {};
    pending.rows -= rows;
    changed = true;
    return remove.run();
}

// What a put or erase came to: an error takes the whole transaction back at once.
base::Status JournalStore::State::finish(base::Status written) {
    if (written) return {};
    connection->roll_back();
    transaction = Transaction::failed;
    failed = written.error();
    return written;
}

void JournalStore::State::end_transaction() {
    connection->roll_back();
    pending = committed;
    transaction = Transaction::none;
    changed = false;
    failed.reset();
}

// What is written into a file that was deleted is lost with the process, and no call says so: the
// look before keeps it from being written, the one after from being acknowledged.
base::Status JournalStore::State::commit(Durability durability) {
    if (transaction == Transaction::failed) return base::fail(*failed);
    if (auto there = directory.check_in_place(); !there) return there;
    if (auto written = write_commit(durability); !written) return written;
    // SQLite makes the WAL with the first commit.
    if (changed && !directory.remembers(kJournalWal)) return directory.remember(kJournalWal);
    return durability == Durability::power ? directory.check_in_place() : base::Status{};
}

base::Status JournalStore::State::write_commit(Durability durability) {
    if (changed) {
        ++pending.sequence;
        if (auto written = s3zipd::write_meta(write_meta, pending); !written) return written;
        if (auto ended = end.run(); !ended) return ended;
        committed = pending;
    }
    const std::uint64_t synced = mark.commits().synced;
    if (durability == Durability::power && synced < committed.sequence) {
        if (auto done = connection->sync_wal(); !done) return done;
        write_mark(committed.sequence);
    } else if (changed) {
        write_mark(synced);
    }
    if (connection->wal_bytes() > kWalBytesMax) {
        if (auto copied = checkpoint(SQLITE_CHECKPOINT_PASSIVE); !copied) {
            base::log_warn("journal: the WAL is large and cannot be copied into the database",
                           {{"bytes", connection->wal_bytes()},
                            {"code", copied.error().code},
                            {"detail", copied.error().detail}});
        }
    }
    return {};
}

// The commit stands whether or not this works: a mark that lags asks for less than is there.
void JournalStore::State::write_mark(std::uint64_t synced) {
    const auto written =
        mark.write({.store = committed.store, .sequence = committed.sequence, .synced = synced});
    if (!written && !mark_lags) {
        base::log_warn("journal: the mark cannot be written; it lags behind the journal",
                       {{"code", written.error().code}, {"detail", written.error().detail}});
    }
    mark_lags = !written;
}

base::Status JournalStore::State::checkpoint(int mode) {
    if (auto copied = connection->checkpoint(mode); !copied) return copied;
    // It syncs what it copies.
    if (connection->wal_bytes() == 0) write_mark(committed.sequence);
    return {};
}

base::Status JournalStore::State::check_row(const Key& key, JournalStatement& row,
                                            int sum_column) const {
    const auto sum = static_cast<std::uint64_t>(row.number(sum_column));
    if (sum == row_sum(key.job, key.kind, key.number, row.bytes(sum_column + 1))) return {};
    return base::fail(journal_corrupt(
        database_path(), fmt::format("the row of kind {}, number {} has a bad checksum since it "
                                     "was opened",
                                     key.kind, key.number)));
}

base::Result<bool> JournalStore::State::maintain() {
    if (transaction != Transaction::none) return false;
    if (connection->sync_error()) return base::fail(*connection->sync_error());
    if (mark_lags) write_mark(mark.commits().synced);
    if (auto grown = connection->grow_wal(kWalFileBytes); !grown) return base::fail(grown.error());
    if (connection->wal_bytes() > kWalBytes) {
        if (auto copied = checkpoint(SQLITE_CHECKPOINT_PASSIVE); !copied) {
            return base::fail(copied.error());
        }
        return connection->wal_bytes() <= kWalBytes;
    }
    const auto free = [this]() -> base::Result<std::int64_t> {
        const JournalUse use(free_pages);
        const auto row = free_pages.step();
        if (!row) return base::fail(row.error());
        return free_pages.number(0);
    };
    const auto before = free();
    if (!before) return base::fail(before.error());
    if (*before <= kFreePagesKept) {
        // The file ends earlier once the WAL says so to it.
        if (!std::exchange(gives_back, false)) return false;
        if (auto copied = checkpoint(SQLITE_CHECKPOINT_PASSIVE); !copied) {
            return base::fail(copied.error());
        }
        return false;
    }
    gives_back = true;
    if (auto given = give_pages_back.run(); !given) return base::fail(given.error());
    const auto after = free();
    if (!after) return base::fail(after.error());
    return *after < *before;
}

void JournalStore::State::close() {
    end_transaction();
    if (connection->sync_error()) return;  // The next start finds what the disk has.
    if (auto copied = checkpoint(SQLITE_CHECKPOINT_TRUNCATE); !copied) {
        // Nothing is lost: the next start reads the WAL.
        base::log_warn("journal: the WAL stays, it cannot be copied into the database",
                       {{"code", copied.error().code}, {"detail", copied.error().detail}});
        return;
    }
    connection->remove_wal_on_close();
}

JournalStore::JournalStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

JournalStore::~JournalStore() { state_->close(); }

base::Result<std::unique_ptr<JournalStore>> JournalStore::open(const std::string& directory) {
    auto opened = open_journal(directory, current_boot(), journal_migrations());
    if (!opened) return base::fail(opened.error());
    auto state = std::make_unique<State>(std::move(*opened));
    if (auto prepared = state->prepare(); !prepared) return base::fail(prepared.error());
    for (const char* name : {kJournalDatabase, kJournalMark, kJournalLock}) {
        if (auto there = state->directory.remember(name); !there) return base::fail(there.error());
    }
    return std::unique_ptr<JournalStore>(new JournalStore(std::move(state)));
}

base::Status JournalStore::begin() {
    const std::lock_guard lock(state_->mutex);
    CHECK(state_->transaction == Transaction::none);
    const auto& refused = state_->connection->sync_error();
    if (refused) return base::fail(*refused);
    if (auto begun = state_->begin.run(); !begun) return begun;
    state_->transaction = Transaction::open;
    return {};
}

base::Status JournalStore::put(const Key& key, std::string_view data) {
    const std::lock_guard lock(state_->mutex);
    CHECK(state_->transaction != Transaction::none);
    if (state_->failed) return base::fail(*state_->failed);
    return state_->finish(state_->put(key, data));
}

base::Status JournalStore::erase(std::string_view job, std::uint8_t kind_first,
                                 std::uint8_t kind_last) {
    const std::lock_guard lock(state_->mutex);
    CHECK(state_->transaction != Transaction::none);
    if (state_->failed) return base::fail(*state_->failed);
    return state_->finish(state_->erase(job, kind_first, kind_last));
}

base::Status JournalStore::commit(Durability durability) {
    const std::lock_guard lock(state_->mutex);
    CHECK(state_->transaction != Transaction::none);
    auto done = state_->commit(durability);
    state_->end_transaction();
    return done;
}

void JournalStore::roll_back() {
    const std::lock_guard lock(state_->mutex);
    state_->end_transaction();
}

base::Status JournalStore::for_each(
    const std::function<bool(std::uint8_t kind)>& wanted,
    const std::function<base::Status(const Key&, std::string_view data)>& row) {
    const std::lock_guard lock(state_->mutex);
    std::string kinds;
    for (int kind = 0; kind < 256; ++kind) {
        kinds += wanted(static_cast<std::uint8_t>(kind)) ? '\x01' : '\x00';
    }
    JournalStatement& read = state_->read_all;
    const JournalUse use(read);
    read.bind(1, kinds);
    for (;;) {
        const auto found = read.step();
        if (!found) return base::fail(found.error());
        if (!*found) return {};
        const Key key{.job = read.bytes(0),
                      .kind = static_cast<std::uint8_t>(read.number(1)),
                      .number = static_cast<std::uint64_t>(read.number(2))};
        if (auto good = state_->check_row(key, read, 3); !good) return good;
        if (auto taken = row(key, read.bytes(4)); !taken) return taken;
    }
}

base::Result<std::optional<std::string>> JournalStore::get(const Key& key) {
    const std::lock_guard lock(state_->mutex);
    if (auto good = state_->check_key(key); !good) return base::fail(good.error());
    JournalStatement& read = state_->read;
    const JournalUse use(read);
    read.bind(1, key.job);
    read.bind(2, key.kind);
    read.bind(3, signed_of(key.number));
    const auto found = read.step();
    if (!found) return base::fail(found.error());
    if (!*found) return std::nullopt;
    if (auto good = state_->check_row(key, read, 0); !good) return base::fail(good.error());
    return std::string(read.bytes(1));
}

base::Result<bool> JournalStore::maintain() {
    const std::lock_guard lock(state_->mutex);
    return state_->maintain();
}

base::Status JournalStore::check_in_place() const {
    const std::lock_guard lock(state_->mutex);
    return state_->directory.check_in_place();
}

JournalStore::Size JournalStore::size() const {
    const std::lock_guard lock(state_->mutex);
    return {.file_bytes = state_->directory.size_bytes(kJournalDatabase),
            .wal_bytes = state_->connection->wal_bytes(),
            .rows = state_->committed.rows};
}

}  // namespace s3zipd
