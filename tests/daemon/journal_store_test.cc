// The store as its users see it: rows, transactions, sizes, and the errors of a directory.
#include "daemon/journal_store.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <atomic>
#include <thread>

#include "journal_rig.h"

namespace s3zipd {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::unique_ptr<JournalStore> open(const std::string& directory) {
    auto store = JournalStore::open(directory);
    EXPECT_TRUE(store.has_value()) << store.error().to_string();
    return store ? std::move(*store) : nullptr;
}

base::Error open_error(const std::string& directory) {
    auto store = JournalStore::open(directory);
    EXPECT_FALSE(store.has_value());
    return store ? base::Error{} : store.error();
}

mode_t mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

bool put_one(JournalStore& store, const JournalStore::Key& key, std::string_view data) {
    return store.begin() && store.put(key, data) && store.commit(Durability::process);
}

TEST(JournalStore, RowsStayAndAreOrdered) {
    const Folder folder;
    const std::string bytes("\0\xff\x80 z", 5);
    Rows rows{{{"a", 0, 0}, ""},
              {{"a", 0, 7}, "seven"},
              {{"a", 255, JournalStore::kNumberMax}, bytes},
              {{"a\x80", 1, 1}, "high"},
              {{"b", 1, 1}, std::string(JournalStore::kRowBytesMax, 'x')}};
    {
        auto store = open(folder.journal());
        ASSERT_TRUE(store);
        ASSERT_TRUE(store->begin());
        for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
            const auto& [job, kind, number] = row->first;
            const JournalStore::Key key{job, static_cast<std::uint8_t>(kind), number};
            ASSERT_TRUE(store->put(key, "old"));
            ASSERT_TRUE(store->put(key, row->second));
        }
        ASSERT_TRUE(store->commit(Durability::power));
        EXPECT_EQ(rows_of(*store), rows);
        EXPECT_EQ(store->size().rows, rows.size());
        EXPECT_GT(store->size().wal_bytes, JournalStore::kRowBytesMax);
    }
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    EXPECT_EQ(rows_of(*store), rows);
    EXPECT_EQ(store->size().rows, rows.size());
    EXPECT_GT(store->size().file_bytes, JournalStore::kRowBytesMax);
    EXPECT_EQ(store->get({"a", 255, JournalStore::kNumberMax}).value(), bytes);
    EXPECT_EQ(store->get({"a", 0, 0}).value(), "");
    EXPECT_EQ(store->get({"a", 0, 1}).value(), std::nullopt);
}

TEST(JournalStore, ErasesKindsOfOneJob) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->begin());
    for (const char* job : {"a", "b"}) {
        for (std::uint8_t kind = 1; kind <= 4; ++kind) {
            ASSERT_TRUE(store->put({job, kind, 1}, "x"));
            ASSERT_TRUE(store->put({job, kind, 2}, "y"));
        }
    }
    ASSERT_TRUE(store->erase("a", 2, 3));
    ASSERT_TRUE(store->erase("c", 0, 255));
    ASSERT_TRUE(store->commit(Durability::process));
    EXPECT_EQ(store->size().rows, 12u);
    const Rows rows = rows_of(*store);
    EXPECT_EQ(rows.count({"a", 1, 2}) + rows.count({"a", 4, 1}) + rows.count({"b", 2, 1}), 3u);
    EXPECT_EQ(rows.count({"a", 2, 1}) + rows.count({"a", 3, 2}), 0u);
    store.reset();
    EXPECT_EQ(rows_of(*open(folder.journal())), rows);
}

TEST(JournalStore, GivesTheKindsThatAreWanted) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    for (const std::uint8_t kind : {0, 1, 128, 255})
        ASSERT_TRUE(put_one(*store, {"a", kind, 1}, "x"));
    std::vector<int> kinds;
    const auto collect = [&](const JournalStore::Key& key, std::string_view) {
        kinds.push_back(key.kind);
        return base::Status{};
    };
    ASSERT_TRUE(store->for_each([](std::uint8_t kind) { return kind % 2 == 0; }, collect));
    EXPECT_THAT(kinds, testing::ElementsAre(0, 128));
    // An error of the callee ends it, and nothing stays open behind it.
    const auto stopped = store->for_each(
        [](std::uint8_t) { return true; },
        [](const JournalStore::Key&, std::string_view) {
            return base::Status(base::fail(base::ErrorKind::cancelled, "enough", ""));
        });
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().code, "enough");
    EXPECT_TRUE(put_one(*store, {"a", 3, 1}, "x"));
}

TEST(JournalStore, RollsBack) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    ASSERT_TRUE(put_one(*store, {"a", 1, 1}, "kept"));
    const Rows rows = rows_of(*store);
    ASSERT_TRUE(store->begin());
    ASSERT_TRUE(store->put({"a", 1, 1}, "changed"));
    ASSERT_TRUE(store->put({"a", 1, 2}, "new"));
    ASSERT_TRUE(store->erase("a", 1, 1));
    EXPECT_EQ(store->get({"a", 1, 1}).value(), std::nullopt);  // a read sees the transaction
    EXPECT_FALSE(store->maintain().value());
    store->roll_back();
    EXPECT_EQ(rows_of(*store), rows);
    ASSERT_TRUE(store->begin());
    ASSERT_TRUE(store->put({"b", 1, 1}, "open at the end"));
    store.reset();
    EXPECT_EQ(rows_of(*open(folder.journal())), rows);
}

TEST(JournalStore, RefusesRowsBeyondTheLimits) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    const std::string long_job(JournalStore::kJobBytesMax + 1, 'j');
    const std::string long_data(JournalStore::kRowBytesMax + 1, 'd');
    const std::pair<JournalStore::Key, std::string_view> bad[] = {
        {{long_job, 1, 1}, "x"},
        {{"a", 1, JournalStore::kNumberMax + 1}, "x"},
        {{"a", 1, 1}, long_data}};
    for (const auto& [key, data] : bad) {
        ASSERT_TRUE(store->begin());
        ASSERT_TRUE(store->put({"b", 1, 1}, "good"));
        const auto put = store->put(key, data);
        ASSERT_FALSE(put.has_value());
        EXPECT_EQ(put.error().code, "journal_row_invalid");
        EXPECT_EQ(store->put({"b", 1, 2}, "late").error().code, "journal_row_invalid");
        EXPECT_EQ(store->erase("b", 1, 2).error().code, "journal_row_invalid");
        EXPECT_EQ(store->commit(Durability::power).error().code, "journal_row_invalid");
        EXPECT_EQ(rows_of(*store), Rows{});
    }
    EXPECT_EQ(store->get({long_job, 1, 1}).error().code, "journal_row_invalid");
    EXPECT_TRUE(put_one(*store, {"b", 1, 1}, "good"));
}

TEST(JournalStoreDeathTest, OneTransactionAtATime) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    EXPECT_DEATH((void)store->put({"a", 1, 1}, "x"), "transaction");
    EXPECT_DEATH((void)store->commit(Durability::process), "transaction");
    ASSERT_TRUE(store->begin());
    EXPECT_DEATH((void)store->begin(), "transaction");
}

TEST(JournalStore, FilesAreOursAndACleanStopLeavesNoWal) {
    const Folder folder;
    const mode_t mask = ::umask(0);
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    ASSERT_TRUE(put_one(*store, {"a", 1, 1}, "x"));
    ::umask(mask);
    EXPECT_EQ(mode_of(folder.journal()), 0700u);
    for (const char* name : {kJournalDatabase, kJournalWal, kJournalMark, kJournalLock}) {
        EXPECT_EQ(mode_of(folder.journal() + "/" + name), 0600u) << name;
    }
    const auto names = [&] {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder.journal())) {
            found.push_back(entry.path().filename());
        }
        return found;
    };
    EXPECT_THAT(names(), testing::UnorderedElementsAre("journal.db", "journal.db-wal",
                                                       "journal.mark", "lock"));
    store.reset();
    EXPECT_THAT(names(), testing::UnorderedElementsAre("journal.db", "journal.mark", "lock"));
}

TEST(JournalStore, NoDescriptorPassesAnExec) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    ASSERT_TRUE(put_one(*store, {"a", 1, 1}, "x"));
    int ours = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone);
        if (!target.starts_with(folder.journal())) continue;
        ++ours;
        EXPECT_NE(::fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC, 0) << target;
    }
    EXPECT_EQ(ours, 5);  // the directory, the lock, the mark, the database and its WAL
}

TEST(JournalStore, ASecondOneIsRefused) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    const std::string pid = std::to_string(::getpid());
    const auto same_process = open_error(folder.journal());
    EXPECT_EQ(same_process.code, "journal_unavailable");
    EXPECT_THAT(same_process.detail, AllOf(HasSubstr(folder.journal()), HasSubstr(pid)));
    in_process_that_dies([&] {
        auto second = JournalStore::open(folder.journal());
        return !second && second.error().detail.find(pid) != std::string::npos;
    });
    ASSERT_TRUE(put_one(*store, {"a", 1, 1}, "x"));
    store.reset();
    EXPECT_EQ(rows_of(*open(folder.journal())).size(), 1u);
}

TEST(JournalStore, OneReadsWhileAnotherWrites) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    std::atomic<bool> done = false;
    std::thread reader([&] {
        while (!done) {
            const auto row = store->get({"a", 1, 1});
            ASSERT_TRUE(row.has_value()) << row.error().to_string();
            (void)store->size();
        }
    });
    for (int n = 0; n < 200; ++n) {
        ASSERT_TRUE(
            put_one(*store, {"a", 1, 1}, std::string(static_cast<std::size_t>(n) * 50, 'x')));
        ASSERT_TRUE(store->maintain());
    }
    done = true;
    reader.join();
}

TEST(JournalStore, MaintenanceCopiesTheWalAndGivesPagesBack) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    EXPECT_FALSE(store->maintain().value());
    const std::string data(1 << 20, 'x');
    for (std::uint64_t n = 0; n < 12; ++n) ASSERT_TRUE(put_one(*store, {"a", 1, n}, data));
    EXPECT_GT(store->size().wal_bytes, 12u << 20);
    EXPECT_LT(store->size().file_bytes, 1u << 20);
    ASSERT_TRUE(store->maintain().value());
    EXPECT_EQ(store->size().wal_bytes, 0u);
    EXPECT_GT(store->size().file_bytes, 12u << 20);
    // The WAL is used again from its start.
    ASSERT_TRUE(put_one(*store, {"a", 1, 1}, "small"));
    EXPECT_LT(store->size().wal_bytes, 1u << 20);
    ASSERT_TRUE(store->begin());
    ASSERT_TRUE(store->erase("a", 0, 255));
    ASSERT_TRUE(store->put({"b", 1, 1}, "left"));
    ASSERT_TRUE(store->commit(Durability::process));
    // What a call writes is bounded.
    int calls = 0;
    for (bool more = true; more && calls < 1000; ++calls) {
        const auto wal_before = store->size().wal_bytes;
        const auto worked = store->maintain();
        ASSERT_TRUE(worked.has_value()) << worked.error().to_string();
        EXPECT_LT(store->size().wal_bytes, wal_before + (2u << 20));
        more = *worked;
    }
    EXPECT_GT(calls, 10);
    EXPECT_LT(calls, 100);
    store.reset();
    store = open(folder.journal());
    EXPECT_LT(store->size().file_bytes, 1u << 20);
    EXPECT_EQ(rows_of(*store), (Rows{{{"b", 1, 1}, "left"}}));
}

TEST(JournalStore, ACommitBoundsTheWal) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    const std::string data(1 << 20, 'x');
    std::uint64_t wal_max = 0;
    for (std::uint64_t n = 0; n < 300; ++n) {
        ASSERT_TRUE(put_one(*store, {"a", 1, n % 8}, data));
        wal_max = std::max(wal_max, store->size().wal_bytes);
    }
    EXPECT_GT(wal_max, 250u << 20);
    EXPECT_LT(wal_max, 258u << 20);
    EXPECT_LT(store->size().wal_bytes, 60u << 20);
}

TEST(JournalStore, DirectoriesThatWillNotDo) {
    const Folder folder;
    const std::string file = folder.path() + "/file";
    write_file(file, "x");
    for (const std::string& path : {file, file + "/below", folder.path() + "/no/parent"}) {
        const auto error = open_error(path);
        EXPECT_EQ(error.code, "journal_unavailable");
        EXPECT_EQ(error.kind, base::ErrorKind::invalid);
        EXPECT_THAT(error.detail, HasSubstr(path));
    }
    // A folder where a file belongs, a link to somewhere else.
    for (const char* name : {kJournalDatabase, kJournalMark, kJournalWal, kJournalLock}) {
        const std::string path = folder.journal() + "/" + name;
        std::filesystem::remove_all(folder.journal());
        std::filesystem::create_directories(path);
        EXPECT_EQ(open_error(folder.journal()).code, "journal_unavailable") << name;
        EXPECT_THAT(open_error(folder.journal()).detail, HasSubstr(path));
        std::filesystem::remove_all(path);
        std::filesystem::create_symlink(file, path);
        EXPECT_EQ(open_error(folder.journal()).code, "journal_unavailable") << name;
    }
    EXPECT_EQ(read_file(file), "x");
}

// A file system of our own in a namespace of our own: of a size, or read-only.
class JournalStoreMount : public testing::Test {
  protected:
    void SetUp() override {
        if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            GTEST_SKIP() << "no mount namespace here: run as root";
        }
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
            GTEST_SKIP() << "no tmpfs may be mounted here: run as root";
        }
        mounted_ = true;
    }
    void TearDown() override {
        if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
    }
    void remount(const char* options, unsigned long flags = 0) {
        ASSERT_EQ(::mount(nullptr, folder_.path().c_str(), nullptr, MS_REMOUNT | flags, options),
                  0);
    }

    const Folder folder_;
    bool mounted_ = false;
};

TEST_F(JournalStoreMount, AFullDiskIsAnErrorAndNoEnd) {
    auto store = open(folder_.journal());
    ASSERT_TRUE(store);
    Rows rows;
    std::uint64_t refused = 0;
    for (std::uint64_t n = 0; n < 400 && refused < 20; ++n) {
        const auto written = write(*store, n, durability_of(n));
        if (written) {
            add_changes(n, rows);
            continue;
        }
        ++refused;
        EXPECT_EQ(written.error().code, "journal_full");
        EXPECT_EQ(written.error().kind, base::ErrorKind::exhausted);
        EXPECT_THAT(written.error().detail, HasSubstr(folder_.journal()));
        ASSERT_EQ(rows_of(*store), rows);
    }
    EXPECT_EQ(refused, 20u);
    // A stop and a start on the full disk keep all.
    store.reset();
    EXPECT_TRUE(std::filesystem::exists(folder_.journal() + "/" + kJournalWal));
    store = open(folder_.journal());
    ASSERT_TRUE(store);
    ASSERT_EQ(rows_of(*store), rows);
    remount("size=32m");
    for (std::uint64_t n = 400; n < 500; ++n) {
        ASSERT_TRUE(write(*store, n, durability_of(n)));
        add_changes(n, rows);
    }
    while (store->maintain().value()) continue;
    store.reset();
    EXPECT_EQ(rows_of(*open(folder_.journal())), rows);
}

TEST_F(JournalStoreMount, AFirstStartOnAFullDisk) {
    const std::string filler = folder_.path() + "/filler";
    write_file(filler, std::string(2 << 20, 'x'));
    const auto error = open_error(folder_.journal());
    EXPECT_EQ(error.code, "journal_full");
    EXPECT_EQ(error.kind, base::ErrorKind::exhausted);
    EXPECT_THAT(error.detail, HasSubstr(folder_.journal()));
    std::filesystem::remove(filler);
    EXPECT_TRUE(open(folder_.journal()));
}

TEST_F(JournalStoreMount, AReadOnlyDirectory) {
    {
        ASSERT_TRUE(open(folder_.journal()));
    }
    remount("", MS_RDONLY);
    for (const char* name : {"/journal", "/other"}) {
        const auto error = open_error(folder_.path() + name);
        EXPECT_EQ(error.code, "journal_unavailable");
        EXPECT_EQ(error.kind, base::ErrorKind::denied);
        EXPECT_THAT(error.detail, HasSubstr(folder_.path() + name));
    }
    remount("size=1m");
    EXPECT_TRUE(open(folder_.journal()));
}

// No file may grow: needs no rights, and is no lack of space.
TEST(JournalStore, AWriteErrorIsNoEnd) {
    const Folder folder;
    auto store = open(folder.journal());
    ASSERT_TRUE(store);
    ASSERT_TRUE(put_one(*store, {"a", 1, 1}, "kept"));
    const Rows rows = rows_of(*store);
    struct rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limited = before;
    limited.rlim_cur = std::filesystem::file_size(folder.journal() + "/" + kJournalWal);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
    ASSERT_TRUE(store->begin());
    ASSERT_TRUE(store->put({"a", 1, 2}, "lost"));
    const auto written = store->commit(Durability::process);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, "journal_unavailable");
    EXPECT_THAT(written.error().detail, AllOf(HasSubstr(folder.journal()), HasSubstr("too large")));
    EXPECT_EQ(rows_of(*store), rows);
    EXPECT_EQ(store->size().rows, 1u);
    EXPECT_TRUE(put_one(*store, {"a", 1, 3}, "after"));
}

}  // namespace
}  // namespace s3zipd
