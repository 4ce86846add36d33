// Versions of the schema: older ones are migrated, newer ones and other programs' files refused.
#include "daemon/journal_schema.h"

#include "daemon/journal_open.h"
#include "journal_rig.h"

namespace s3zipd {
namespace {

using testing::AllOf;
using testing::HasSubstr;

base::Result<OpenJournal> open(const std::string& directory,
                               std::span<const char* const> migrations) {
    return open_journal(directory, current_boot(), migrations);
}

// Ours, and after them what a later release might bring.
std::vector<const char*> migrations_and(const char* later) {
    std::vector<const char*> all(journal_migrations().begin(), journal_migrations().end());
    all.push_back(later);
    return all;
}

// Rows of a journal of this version, part of them in the WAL.
Rows old_journal(const std::string& directory) {
    Rows rows;
    write_and_die(directory, 0, 30, rows);
    return rows;
}

void change(const std::string& directory, const char* sql) {
    auto connection = JournalConnection::open(directory + "/" + kJournalDatabase);
    ASSERT_TRUE(connection);
    const auto done = (*connection)->run(sql);
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
}

TEST(JournalSchema, AnOlderOneIsMigratedOnce) {
    const Folder folder;
    old_journal(folder.journal());
    const auto later = migrations_and(
        "CREATE TABLE later (x INTEGER) STRICT;"
        "INSERT INTO later VALUES (42);");
    JournalMeta meta;
    {
        auto journal = open(folder.journal(), journal_migrations());
        ASSERT_TRUE(journal);
        meta = journal->meta;
    }
    for (int times = 0; times < 2; ++times) {
        auto journal = open(folder.journal(), later);
        ASSERT_TRUE(journal) << journal.error().to_string();
        EXPECT_EQ(journal->meta.version, static_cast<std::int64_t>(later.size()));
        EXPECT_EQ(journal->meta.rows, meta.rows);
        EXPECT_EQ(journal->meta.store, meta.store);
        EXPECT_EQ(journal->meta.sequence, meta.sequence);
        EXPECT_EQ(journal->connection->number("SELECT sum(x) FROM later").value(), 42);
        EXPECT_EQ(journal->connection->number("PRAGMA user_version").value(), meta.version + 1);
    }
}

TEST(JournalSchema, AMigrationThatFailsLeavesTheOlderOne) {
    const Folder folder;
    const Rows rows = old_journal(folder.journal());
    const auto later = migrations_and(
        "CREATE TABLE later (x INTEGER) STRICT;"
        "INSERT INTO nowhere VALUES (42);");
    const auto failed = open(folder.journal(), later);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().detail, HasSubstr("nowhere"));
    auto store = JournalStore::open(folder.journal());
    ASSERT_TRUE(store) << store.error().to_string();
    EXPECT_EQ(rows_of(**store), rows);
}

TEST(JournalSchema, ANewerOneIsRefused) {
    const Folder folder;
    old_journal(folder.journal());
    {
        ASSERT_TRUE(open(folder.journal(), migrations_and("CREATE TABLE later (x);")));
    }
    const auto store = JournalStore::open(folder.journal());
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, "journal_too_new");
    EXPECT_EQ(store.error().kind, base::ErrorKind::invalid);
    EXPECT_THAT(store.error().detail, AllOf(HasSubstr(folder.journal()), HasSubstr("newer s3zipd"),
                                            HasSubstr("version is 2"), HasSubstr("knows 1")));
}

// user_version has no checksum, meta has.
TEST(JournalSchema, AVersionThatMetaDoesNotKnowIsDamage) {
    const Folder folder;
    old_journal(folder.journal());
    change(folder.journal(), "PRAGMA user_version = 9");
    const auto store = JournalStore::open(folder.journal());
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, "journal_corrupt");
    EXPECT_THAT(store.error().detail, HasSubstr("user_version is 9"));
}

TEST(JournalSchema, AnotherProgramsDatabaseIsLeftAlone) {
    const Folder folder;
    std::filesystem::create_directory(folder.journal());
    const std::string path = folder.journal() + "/" + kJournalDatabase;
    write_file(path, "");
    change(folder.journal(),
           "PRAGMA auto_vacuum = FULL; CREATE TABLE theirs (x); PRAGMA application_id = 5;");
    const std::string bytes = read_file(path);
    const auto store = JournalStore::open(folder.journal());
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, "journal_unavailable");
    EXPECT_THAT(store.error().detail, AllOf(HasSubstr(path), HasSubstr("another program")));
    EXPECT_EQ(read_file(path), bytes);
    // Beside a mark of ours it is ours, and damaged.
    const std::string other = folder.path() + "/other";
    old_journal(other);
    std::filesystem::copy(other + "/" + kJournalMark, folder.journal() + "/" + kJournalMark);
    const auto marked = JournalStore::open(folder.journal());
    ASSERT_FALSE(marked);
    EXPECT_EQ(marked.error().code, "journal_corrupt");
}

TEST(JournalSchema, WhatIsNoDatabaseIsDamage) {
    const Folder folder;
    std::filesystem::create_directory(folder.journal());
    write_file(folder.journal() + "/" + kJournalDatabase, std::string(20'000, 'x'));
    const auto store = JournalStore::open(folder.journal());
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, "journal_corrupt");
}

// Whoever changes rows behind our back is found out, though SQLite is content with it.
TEST(JournalSchema, RowsThatAreSoundAndNotOurs) {
    const struct {
        const char* sql;
        const char* says;
    } cases[] = {{"UPDATE entry SET number = number + 1000 WHERE kind = 1", "bad checksum"},
                 {"UPDATE entry SET data = x'00' WHERE kind = 2", "bad checksum"},
                 {"DELETE FROM entry WHERE kind = 2", "do not add up"},
                 {"UPDATE entry SET kind = 999 WHERE kind = 1", "bad checksum or place"},
                 {"UPDATE meta SET rows = rows + 1", "meta table has a bad checksum"},
                 {"UPDATE meta SET sequence = sequence + 1", "meta table has a bad checksum"},
                 {"DELETE FROM meta", "meta table is missing"},
                 {"DROP TABLE entry", "entry"},
                 {"DROP TABLE meta", "meta"}};
    for (const auto& [sql, says] : cases) {
        const Folder folder;
        old_journal(folder.journal());
        change(folder.journal(), sql);
        const auto store = JournalStore::open(folder.journal());
        ASSERT_FALSE(store) << sql;
        EXPECT_EQ(store.error().code, "journal_corrupt") << sql;
        EXPECT_THAT(store.error().detail, HasSubstr(says)) << sql;
    }
}

// Another program that only looks at it is no damage.
TEST(JournalSchema, ADatabaseThatIsInUse) {
    const Folder folder;
    old_journal(folder.journal());
    {
        ASSERT_TRUE(JournalStore::open(folder.journal()));
    }
    auto other = JournalConnection::open(folder.journal() + "/" + kJournalDatabase);
    ASSERT_TRUE(other);
    ASSERT_TRUE((*other)->number("SELECT count(*) FROM entry"));
    in_process_that_dies([&] {
        const auto store = JournalStore::open(folder.journal());
        return !store && store.error().code == "journal_unavailable" &&
               store.error().detail.find("another program has it open") != std::string::npos;
    });
}

}  // namespace
}  // namespace s3zipd
