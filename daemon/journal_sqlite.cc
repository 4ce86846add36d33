#include "daemon/journal_sqlite.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "daemon/journal_directory.h"

namespace s3zipd {
namespace {

// A garbled length must not become an allocation: above this SQLite gives up. A row is 1 MiB.
constexpr int kValueBytesMax = 2 << 20;
constexpr std::uint64_t kFrameHeaderBytes = 24;
constexpr int kReadBytes = 1 << 16;

// Of a new database; they stay with it.
constexpr const char* kNewSettings = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;";
// Of a connection; none writes to the file. Locking comes before the WAL is touched. secure_delete
// would write every freed page once more. NORMAL syncs at checkpoints; sync_wal() does it at the
// commits that ask for it.
constexpr const char* kSettings =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA journal_size_limit = 16777216;"
    "PRAGMA cache_size = -4096;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA secure_delete = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA trusted_schema = OFF;";

bool is_corrupt(int code) {
    switch (code & 0xff) {
        case SQLITE_IOERR: return code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS;
        case SQLITE_READONLY:
            // Plain: the header says so. We have seen that the file can be written.
            return code == SQLITE_READONLY;
        case SQLITE_FULL:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM:
        case SQLITE_PROTOCOL:
        case SQLITE_INTERRUPT: return false;
        // CORRUPT, NOTADB; and ERROR, MISMATCH, TOOBIG, CONSTRAINT...: our statements are right.
        default: return true;
    }
}

}  // namespace

void JournalStatement::bind(int at, std::int64_t value) {
    CHECK(sqlite3_bind_int64(statement_.get(), at, value) == SQLITE_OK);
}

void JournalStatement::bind(int at, std::string_view bytes) {
    // A null pointer would bind NULL.
    const char* data = bytes.empty() ? "" : bytes.data();
    CHECK(sqlite3_bind_blob64(statement_.get(), at, data, bytes.size(), SQLITE_STATIC) ==
          SQLITE_OK);
}

base::Result<bool> JournalStatement::step() {
    errno = 0;
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    const std::string_view sql = sqlite3_sql(statement_.get());
    return base::fail(connection_->error(code, sql.substr(0, sql.find(' '))));
}

base::Status JournalStatement::run() {
    const JournalUse use(*this);
    for (;;) {
        const auto row = step();
        if (!row) return base::fail(row.error());
        if (!*row) return {};
    }
}

void JournalStatement::reset() {
    sqlite3_reset(statement_.get());  // Repeats the error of step(), which was handed out.
}

std::int64_t JournalStatement::number(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string_view JournalStatement::bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_.get(), column);
    if (data == nullptr) return {};
    return {static_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

base::Result<std::unique_ptr<JournalConnection>> JournalConnection::open(const std::string& path) {
    std::unique_ptr<JournalConnection> connection(new JournalConnection(path));
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    errno = 0;
    const int code = sqlite3_open_v2(path.c_str(), &connection->database_, flags, nullptr);
    if (code != SQLITE_OK) return base::fail(connection->error(code, "opening"));
    if (auto set = connection->configure(); !set) return base::fail(set.error());
    return connection;
}

base::Status JournalConnection::configure() {
    sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, kValueBytesMax);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    // In the place of SQLite's own hook, which would checkpoint.
    sqlite3_wal_hook(database_, &JournalConnection::on_commit, this);
    return run(kSettings);
}

base::Status JournalConnection::make_new() {
    if (auto set = run(kNewSettings); !set) return set;
    return use_wal();
}

base::Status JournalConnection::use_wal() {
    const auto mode = text("PRAGMA journal_mode = WAL");
    if (!mode) return base::fail(mode.error());
    if (sqlite3_db_readonly(database_, "main") != 0) {
        return base::fail(journal_corrupt(path_, "its header says that it must not be written"));
    }
    if (*mode != "wal") return base::fail(journal_corrupt(path_, "has journal mode " + *mode));
    const auto page_bytes = number("PRAGMA page_size");
    if (!page_bytes) return base::fail(page_bytes.error());
    frame_bytes_ = static_cast<std::uint64_t>(*page_bytes) + kFrameHeaderBytes;
    const auto file = wal();
    if (!file) return base::fail(file.error());
    sqlite3_int64 bytes = 0;
    if (*file != nullptr && (*file)->pMethods->xFileSize(*file, &bytes) == SQLITE_OK) {
        wal_bytes_ = static_cast<std::uint64_t>(bytes);
    }
    return {};
}

JournalConnection::~JournalConnection() {
    // Without checkpoint and with all statements gone, closing cannot fail.
    CHECK(sqlite3_close(database_) == SQLITE_OK);
}

int JournalConnection::on_commit(void* self, sqlite3*, const char*, int wal_pages) {
    auto* connection = static_cast<JournalConnection*>(self);
    connection->wal_bytes_ = static_cast<std::uint64_t>(wal_pages) * connection->frame_bytes_;
    return SQLITE_OK;
}

base::Result<JournalStatement> JournalConnection::prepare(std::string_view sql) const {
    sqlite3_stmt* prepared = nullptr;
    errno = 0;
    const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (code != SQLITE_OK) return base::fail(error(code, "preparing"));
    JournalStatement statement;
    statement.connection_ = this;
    statement.statement_.reset(prepared);
    return statement;
}

base::Status JournalConnection::run(const char* script) const {
    errno = 0;
    const int code = sqlite3_exec(database_, script, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return base::fail(error(code, "setting up"));
    return {};
}

base::Result<std::int64_t> JournalConnection::number(std::string_view sql) const {
    auto statement = prepare(sql);
    if (!statement) return base::fail(statement.error());
    const auto row = statement->step();
    if (!row) return base::fail(row.error());
    return *row ? statement->number(0) : 0;
}

base::Result<std::string> JournalConnection::text(std::string_view sql) const {
    auto statement = prepare(sql);
    if (!statement) return base::fail(statement.error());
    const auto row = statement->step();
    if (!row) return base::fail(row.error());
    return std::string(*row ? statement->bytes(0) : "");
}

void JournalConnection::roll_back() const {
    // Some errors have rolled back already. What fails here is rolled back by the next start.
    if (in_transaction()) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

base::Result<sqlite3_file*> JournalConnection::wal() const {
    sqlite3_file* file = nullptr;
    const int code = sqlite3_file_control(database_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (code != SQLITE_OK) return base::fail(error(code, "finding the WAL"));
    return file != nullptr && file->pMethods != nullptr ? file : nullptr;
}

base::Status JournalConnection::sync_wal() const {
    const auto file = wal();
    if (!file) return base::fail(file.error());
    if (*file == nullptr) return {};  // Nothing was written yet.
    if ((*file)->pMethods->xSync(*file, SQLITE_SYNC_NORMAL) == SQLITE_OK) return {};
    sync_error_ = journal_errno(errno, path_ + "-wal", "cannot be synced");
    return base::fail(*sync_error_);
}

base::Status JournalConnection::grow_wal(std::uint64_t bytes) {
    if (wal_grown_) return {};
    const auto file = wal();
    if (!file) return base::fail(file.error());
    sqlite3_int64 size = 0;
    errno = 0;
    if (*file == nullptr) return {};
    if ((*file)->pMethods->xFileSize(*file, &size) != SQLITE_OK) {
        return base::fail(journal_errno(errno, path_ + "-wal", "has no size"));
    }
    if (size == 0) return {};
    wal_grown_ = true;
    // On a small or full disk the room is wanted for what is really written.
    struct statvfs disk{};
    if (statvfs(path_.c_str(), &disk) != 0 || disk.f_bavail * disk.f_frsize < 32 * bytes) return {};
    const std::string zeros(kReadBytes, '\0');
    const auto end = static_cast<sqlite3_int64>(bytes);
    for (sqlite3_int64 at = size; at < end; at += kReadBytes) {
        const int piece = static_cast<int>(std::min<sqlite3_int64>(end - at, kReadBytes));
        if ((*file)->pMethods->xWrite(*file, zeros.data(), piece, at) != SQLITE_OK) {
            return base::fail(journal_errno(errno, path_ + "-wal", "cannot be made larger"));
        }
    }
    return {};
}

base::Status JournalConnection::checkpoint(int mode) {
    int frames = 0;
    int copied = 0;
    errno = 0;
    const int code = sqlite3_wal_checkpoint_v2(database_, "main", mode, &frames, &copied);
    if (code != SQLITE_OK) return base::fail(error(code, "copying the WAL"));
    wal_bytes_ = static_cast<std::uint64_t>(frames - copied) * frame_bytes_;
    return {};
}

void JournalConnection::remove_wal_on_close() const {
    sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

base::Status JournalConnection::read_through() const {
    sqlite3_file* database = nullptr;
    sqlite3_file_control(database_, "main", SQLITE_FCNTL_FILE_POINTER, &database);
    const auto log = wal();
    if (!log) return base::fail(log.error());
    std::string piece(kReadBytes, '\0');
    for (sqlite3_file* file : {database, *log}) {
        sqlite3_int64 size = 0;
        if (file == nullptr || file->pMethods == nullptr ||
            file->pMethods->xFileSize(file, &size) != SQLITE_OK) {
            continue;
        }
        for (sqlite3_int64 at = 0; at < size; at += kReadBytes) {
            errno = 0;
            const int code = file->pMethods->xRead(file, piece.data(), kReadBytes, at);
            if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) {
                return base::fail(error(code, "reading"));
            }
        }
    }
    return {};
}

base::Error JournalConnection::error(int code, std::string_view doing) const {
    const int reason = errno;
    const std::string wrong = fmt::format("{}: {}", doing, sqlite3_errstr(code));
    if (is_corrupt(code)) {
        // The message of a statement that fails says more than its code.
        const char* message = database_ == nullptr ? "" : sqlite3_errmsg(database_);
        return journal_corrupt(path_, fmt::format("{} ({})", wrong, message));
    }
    switch (code & 0xff) {
        case SQLITE_FULL: return journal_errno(ENOSPC, path_, doing);
        case SQLITE_NOMEM: return journal_errno(ENOMEM, path_, doing);
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_READONLY: return journal_errno(EACCES, path_, wrong);
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return journal_errno(EBUSY, path_, "another program has it open");
        default: break;
    }
    base::Error made = journal_errno(reason == 0 ? EIO : reason, path_, wrong);
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) sync_error_ = made;
    return made;
}

}  // namespace s3zipd
