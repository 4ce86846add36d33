#include "daemon/journal_open.h"

#include <fcntl.h>
#include <utility>

namespace s3zipd {
namespace {

constexpr const char* kNewDatabase = "journal.db.new";
constexpr const char* kNewFiles[] = {kNewDatabase, "journal.db.new-wal", "journal.db.new-journal"};

base::Status make_database(const JournalDirectory& directory,
                           std::span<const char* const> migrations) {
    // SQLite takes the file, and its mode for the WAL.
    auto file = directory.open_file(kNewDatabase, O_RDWR | O_CREAT | O_EXCL);
    if (!file) return base::fail(file.error());
    *file = JournalFile();
    const std::string path = directory.path_of(kNewDatabase);
    auto connection = JournalConnection::open(path);
    if (!connection) return base::fail(connection.error());
    if (auto made = (*connection)->make_new(); !made) return made;
    if (auto filled = migrate(**connection, path, migrations); !filled) return filled;
    if (auto synced = (*connection)->checkpoint(SQLITE_CHECKPOINT_TRUNCATE); !synced) return synced;
    (*connection)->remove_wal_on_close();
    connection->reset();
    if (auto named = directory.rename(kNewDatabase, kJournalDatabase); !named) return named;
    return directory.sync();
}

// A database to open: found, or made if this is the first start.
base::Status find_database(const JournalDirectory& directory, bool has_mark,
                           std::span<const char* const> migrations) {
    for (const char* leftover : kNewFiles) {
        if (auto removed = directory.remove(leftover); !removed) return removed;
    }
    const std::string path = directory.path_of(kJournalDatabase);
    const auto size = directory.find(kJournalDatabase);
    if (!size) return base::fail(size.error());
    const auto wal = directory.find(kJournalWal);
    if (!wal) return base::fail(wal.error());
    if (*size == 0) return base::fail(journal_corrupt(path, "is empty"));
    if (*size) return {};
    if (has_mark) return base::fail(journal_corrupt(path, "is missing, but its mark is there"));
    if (*wal) return base::fail(journal_corrupt(path, "is missing, but its WAL is there"));
    return make_database(directory, migrations);
}

// All that is there, from the outside in. The mark comes before a migration writes anything.
base::Result<JournalMeta> check(JournalConnection& connection, const std::string& path,
                                const JournalMark& mark, std::span<const char* const> migrations) {
    if (auto ours = check_identity(connection, path, migrations.size(), mark.exists()); !ours) {
        return base::fail(ours.error());
    }
    const auto before = read_meta(connection, path);
    if (!before) return before;
    if (auto whole = mark.check(before->store, before->sequence); !whole) {
        return base::fail(whole.error());
    }
    if (auto sound = check_structure(connection, path); !sound) return base::fail(sound.error());
    if (auto wal = connection.use_wal(); !wal) return base::fail(wal.error());
    if (auto done = migrate(connection, path, migrations); !done) return base::fail(done.error());
    const auto meta = read_meta(connection, path);
    if (!meta) return meta;
    if (auto good = check_rows(connection, path, *meta); !good) return base::fail(good.error());
    return meta;
}

}  // namespace

base::Result<OpenJournal> open_journal(const std::string& path, BootId boot,
                                       std::span<const char* const> migrations) {
    auto directory = JournalDirectory::open(path);
    if (!directory) return base::fail(directory.error());
    auto mark = JournalMark::open(*directory, boot);
    if (!mark) return base::fail(mark.error());
    if (auto found = find_database(*directory, mark->exists(), migrations); !found) {
        return base::fail(found.error());
    }
    const std::string database = directory->path_of(kJournalDatabase);
    auto connection = JournalConnection::open(database);
    if (!connection) return base::fail(connection.error());
    const auto meta = check(**connection, database, *mark, migrations);
    if (!meta) return base::fail(meta.error());
    const JournalMark::Commits commits{
        .store = meta->store, .sequence = meta->sequence, .synced = mark->commits().synced};
    if (auto started = mark->start(*directory, commits); !started) {
        return base::fail(started.error());
    }
    return OpenJournal{std::move(*directory), std::move(*mark), std::move(*connection), *meta};
}

}  // namespace s3zipd
