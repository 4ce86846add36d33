// Each call of the file system fails once, and then from there on: no commit that was refused is
// there, none that was acknowledged is missing, and the store goes on when the disk does.
#include <utility>

#include "base/log.h"
#include "failing_vfs.h"
#include "journal_rig.h"

namespace s3zipd {
namespace {

constexpr std::uint64_t kFirst = 20;  // transactions that fail; those before make the journal
constexpr std::uint64_t kLast = 32;

class JournalFault : public testing::Test {
  protected:
    void SetUp() override {
        base::set_log_level(base::LogLevel::error);
        // Part of the rows is in the database, part in the WAL of a dead process.
        {
            auto store = JournalStore::open(master_);
            ASSERT_TRUE(store);
            for (std::uint64_t n = 0; n < 10; ++n) {
                ASSERT_TRUE(write(**store, n, Durability::process));
                add_changes(n, master_rows_);
            }
        }
        write_and_die(master_, 10, kFirst - 1, master_rows_);
    }

    // A commit whose own fsync failed. Told once: later ones are refused in the same words.
    bool may_be_kept(const base::Error& error) {
        return error.detail.find("journal.db-wal: cannot be synced") != std::string::npos &&
               !std::exchange(sync_told_, true);
    }
    void check(const base::Error& error, const std::string& context) const {
        EXPECT_THAT(error.code, testing::AnyOf("journal_full", "journal_unavailable"))
            << context << ": " << error.detail;
        EXPECT_THAT(error.detail, testing::HasSubstr(folder_.journal())) << context;
    }

    // True if the n-th call was reached.
    bool run(std::int64_t n, bool stays, bool full) {
        const std::string context =
            "call " + std::to_string(n) + (stays ? ", stays" : "") + (full ? ", full" : "");
        copy_folder(master_, folder_.journal());
        Rows rows = master_rows_;
        bool fired = false;
        sync_told_ = false;
        {
            FailingVfs vfs;
            auto store = JournalStore::open(folder_.journal());
            CHECK(store.has_value());
            vfs.arm(n, stays, full);
            for (std::uint64_t t = kFirst; t <= kLast; ++t) {
                const Durability durability = t % 4 == 0 ? Durability::power : Durability::process;
                const auto written = write(**store, t, durability);
                if (written || may_be_kept(written.error())) add_changes(t, rows);
                if (!written) check(written.error(), context);
                const auto maintained = (*store)->maintain();
                if (!maintained) check(maintained.error(), context);
            }
            fired = vfs.disarm();
            const auto after = write(**store, kLast + 1, Durability::power);
            EXPECT_NE(after.has_value(), fired && vfs.failed_kind() == FailingVfs::Kind::sync)
                << context;
            if (after) add_changes(kLast + 1, rows);
            EXPECT_TRUE(rows_of(**store) == rows) << context;
        }
        auto again = JournalStore::open(folder_.journal());
        EXPECT_TRUE(again.has_value()) << context << ": " << again.error().to_string();
        if (again) EXPECT_TRUE(rows_of(**again) == rows) << context;
        return fired;
    }

    const Folder folder_;
    const std::string master_ = folder_.path() + "/master";
    Rows master_rows_;
    bool sync_told_ = false;
};

TEST_F(JournalFault, OfAnyCallOfATransaction) {
    for (const bool stays : {false, true}) {
        for (const bool full : {false, true}) {
            std::int64_t n = 0;
            while (run(n, stays, full) && !HasFailure()) ++n;
            EXPECT_GT(n, 40);
        }
    }
}

// The same while the WAL is copied into the database and pages are given back; of a few thousand
// calls some.
TEST_F(JournalFault, OfCallsOfMaintenance) {
    const std::string data(1 << 20, 'x');
    master_rows_.clear();
    std::filesystem::remove_all(master_);
    in_process_that_dies([&] {
        auto store = JournalStore::open(master_);
        for (std::uint64_t n = 0; store && n < 6; ++n) {
            if (!(*store)->begin() || (n < 4 && !(*store)->put({"gone", 1, n}, data)) ||
                (n == 4 && !(*store)->put({"kept", 1, 1}, data)) ||
                (n == 5 && !(*store)->erase("gone", 1, 1)) ||
                !(*store)->commit(Durability::process)) {
                return false;
            }
        }
        return store && store->release() != nullptr;
    });
    const Rows rows{{{"kept", 1, 1}, data}};
    bool fired = true;
    for (std::int64_t n = 0; fired && !HasFailure(); n += 1 + n / 16) {
        copy_folder(master_, folder_.journal());
        {
            FailingVfs vfs;
            auto store = JournalStore::open(folder_.journal());
            ASSERT_TRUE(store);
            vfs.arm(n, n % 2 == 0, n % 3 == 0);
            for (int calls = 0; calls < 100; ++calls) {
                const auto more = (*store)->maintain();
                if (!more) check(more.error(), std::to_string(n));
                if (!more || !*more) break;
            }
            fired = vfs.disarm();
            if (!fired) EXPECT_LT((*store)->size().file_bytes, 2u << 20);
            EXPECT_TRUE(rows_of(**store) == rows) << n;
            EXPECT_NE((*store)->maintain().has_value(),
                      fired && vfs.failed_kind() == FailingVfs::Kind::sync)
                << n;
        }
        auto store = JournalStore::open(folder_.journal());
        ASSERT_TRUE(store.has_value()) << n << ": " << store.error().to_string();
        EXPECT_TRUE(rows_of(**store) == rows) << n;
    }
}

// A start that cannot read does not call the journal damaged, and one that fails changes nothing.
TEST_F(JournalFault, OfAnyCallOfAStart) {
    for (std::int64_t n = 0;; ++n) {
        copy_folder(master_, folder_.journal());
        bool fired = false;
        {
            FailingVfs vfs;
            vfs.arm(n, true, false);
            auto store = JournalStore::open(folder_.journal());
            fired = vfs.disarm();
            if (fired) {
                ASSERT_FALSE(store.has_value()) << n;
                EXPECT_EQ(store.error().code, "journal_unavailable")
                    << n << ": " << store.error().detail;
            }
        }
        auto store = JournalStore::open(folder_.journal());
        ASSERT_TRUE(store.has_value()) << n << ": " << store.error().to_string();
        EXPECT_TRUE(rows_of(**store) == master_rows_) << n;
        if (!fired) break;
        ASSERT_LT(n, 1000);
    }
}

TEST_F(JournalFault, OfAnyCallOfAFirstStart) {
    for (const bool full : {false, true}) {
        for (std::int64_t n = 0;; ++n) {
            const Folder fresh;
            bool fired = false;
            {
                FailingVfs vfs;
                vfs.arm(n, true, full);
                auto store = JournalStore::open(fresh.journal());
                fired = vfs.disarm();
                if (fired && !store) {
                    EXPECT_THAT(store.error().code,
                                testing::AnyOf("journal_full", "journal_unavailable"))
                        << n << ": " << store.error().detail;
                }
            }
            auto store = JournalStore::open(fresh.journal());
            ASSERT_TRUE(store.has_value()) << n << ": " << store.error().to_string();
            EXPECT_TRUE(rows_of(**store).empty()) << n;
            if (!fired) break;
            ASSERT_LT(n, 1000);
        }
    }
}

TEST_F(JournalFault, OfAStopLeavesTheWal) {
    for (std::int64_t n = 0;; ++n) {
        copy_folder(master_, folder_.journal());
        bool fired = false;
        {
            FailingVfs vfs;
            auto store = JournalStore::open(folder_.journal());
            ASSERT_TRUE(store);
            vfs.arm(n, true, true);
            store->reset();
            fired = vfs.disarm();
        }
        auto store = JournalStore::open(folder_.journal());
        ASSERT_TRUE(store.has_value()) << n << ": " << store.error().to_string();
        EXPECT_TRUE(rows_of(**store) == master_rows_) << n;
        if (!fired) break;
        ASSERT_LT(n, 1000);
    }
}

// After an fsync that failed nobody knows what the disk has: the store writes no more.
TEST_F(JournalFault, OfASyncEndsTheWriting) {
    FailingVfs vfs;
    auto store = JournalStore::open(master_);
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->begin() && (*store)->put({"a", 1, 1}, "x") &&
                (*store)->commit(Durability::process));
    ASSERT_TRUE((*store)->begin());
    vfs.arm(0, true, false);
    const auto synced = (*store)->commit(Durability::power);  // covers the one before
    vfs.disarm();
    ASSERT_FALSE(synced.has_value());
    EXPECT_EQ(synced.error().code, "journal_unavailable");
    EXPECT_THAT(synced.error().detail, testing::HasSubstr("journal.db-wal: cannot be synced"));
    EXPECT_EQ((*store)->begin().error().detail, synced.error().detail);
    EXPECT_EQ((*store)->maintain().error().detail, synced.error().detail);
    EXPECT_EQ((*store)->get({"a", 1, 1}).value(), "x");
    store->reset();
    EXPECT_TRUE(JournalStore::open(master_));
}

}  // namespace
}  // namespace s3zipd
