// Damage is never silent: whatever happens to the files, open() refuses them or gives exactly what
// was acknowledged.
#include <algorithm>

#include "base/log.h"
#include "daemon/journal_open.h"
#include "journal_rig.h"

namespace s3zipd {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A bit, a byte, a run of zeros or of garbage, or the end.
std::string damage(std::string& bytes, base::Random& random) {
    const std::size_t at = random.below(bytes.size());
    const std::size_t run = std::min<std::size_t>(1 + random.below(600), bytes.size() - at);
    const std::string where = " at " + std::to_string(at);
    switch (random.below(6)) {
        case 0: bytes[at] ^= static_cast<char>(1 << random.below(8)); return "bit" + where;
        case 1: bytes[at] ^= static_cast<char>(1 + random.below(255)); return "byte" + where;
        case 2: bytes.replace(at, run, run, '\0'); return "zeros" + where;
        case 3:
            for (std::size_t i = at; i < at + run; ++i) bytes[i] = static_cast<char>(random.next());
            return "garbage" + where;
        // SQLite's header and the start of its pages are where it hurts.
        case 4: {
            const std::size_t page = at / 8192 * 8192 + random.below(120);
            if (page >= bytes.size()) return "nothing";
            bytes[page] ^= static_cast<char>(1 << random.below(8));
            return "bit at " + std::to_string(page);
        }
        default: bytes.resize(at); return "cut" + where;
    }
}

class JournalCorruption : public testing::Test {
  protected:
    // Rows in the database and more, of which some replace them, in the WAL of a dead process.
    void SetUp() override {
        base::set_log_level(base::LogLevel::error);
        {
            auto store = JournalStore::open(folder_.journal());
            ASSERT_TRUE(store);
            for (std::uint64_t n = 0; n < 120; ++n) {
                ASSERT_TRUE(write(**store, n, durability_of(n)));
                add_changes(n, rows_);
            }
        }
        write_and_die(folder_.journal(), 120, 170, rows_);
    }

    // Empty: it opened, has all rows and can be written; else the error's code.
    std::string open_copy(const std::string& context) {
        std::string detail;
        {
            auto store = JournalStore::open(copy_);
            if (!store) {
                EXPECT_THAT(store.error().detail, HasSubstr(copy_)) << context;
                last_error_ = store.error();
                return store.error().code;
            }
            EXPECT_TRUE(rows_of(**store) == rows_) << context;
            EXPECT_TRUE(write(**store, 200, Durability::power)) << context;
        }
        Rows more = rows_;
        add_changes(200, more);
        auto again = JournalStore::open(copy_);
        EXPECT_TRUE(again.has_value()) << context << ": " << again.error().to_string();
        if (again) EXPECT_TRUE(rows_of(**again) == more) << context;
        return "";
    }

    void storm(const char* name, int rounds, std::uint64_t seed, int refused_min) {
        const std::string original = read_file(folder_.journal() + "/" + name);
        ASSERT_GT(original.size(), 0u);
        int refused = 0;
        for (int round = 0; round < rounds; ++round) {
            base::Random random(seed + static_cast<std::uint64_t>(round));
            std::string bytes = original;
            const std::string what = damage(bytes, random);
            if (bytes == original) continue;
            copy_folder(folder_.journal(), copy_);
            write_file(copy_ + "/" + name, bytes);
            const std::string context =
                std::string(name) + ", round " + std::to_string(round) + ": " + what;
            const std::string code = open_copy(context);
            if (code.empty()) continue;
            ++refused;
            EXPECT_EQ(code, "journal_corrupt") << context << ": " << last_error_.detail;
            EXPECT_EQ(last_error_.kind, base::ErrorKind::corrupt) << context;
            // What was found is left as it is: the next start finds the same.
            EXPECT_EQ(open_copy(context), code) << context;
            EXPECT_EQ(read_file(copy_ + "/" + name), bytes) << context;
        }
        EXPECT_GE(refused, refused_min);
        RecordProperty("refused", refused);
    }

    const Folder folder_;
    const std::string copy_ = folder_.path() + "/copy";
    Rows rows_;
    base::Error last_error_;
};

TEST_F(JournalCorruption, OfTheDatabase) { storm(kJournalDatabase, 200, 1000, 60); }
TEST_F(JournalCorruption, OfTheWal) { storm(kJournalWal, 200, 2000, 60); }
TEST_F(JournalCorruption, OfTheMark) { storm(kJournalMark, 150, 3000, 3); }

TEST_F(JournalCorruption, OfEveryByteOfTheHeaders) {
    for (const char* name : {kJournalDatabase, kJournalWal}) {
        const std::string original = read_file(folder_.journal() + "/" + name);
        for (std::size_t at = 0; at < 128; ++at) {
            std::string bytes = original;
            bytes[at] ^= static_cast<char>(1 << at % 8);
            copy_folder(folder_.journal(), copy_);
            write_file(copy_ + "/" + name, bytes);
            const std::string context = std::string(name) + ", byte " + std::to_string(at);
            const std::string code = open_copy(context);
            EXPECT_TRUE(code.empty() || code == "journal_corrupt")
                << context << ": " << last_error_.to_string();
        }
    }
}

// Without a WAL nothing covers the header of the database.
TEST_F(JournalCorruption, OfEveryByteOfAStoppedDatabase) {
    {
        ASSERT_TRUE(JournalStore::open(folder_.journal()));
    }
    ASSERT_FALSE(std::filesystem::exists(folder_.journal() + "/" + kJournalWal));
    const std::string original = read_file(folder_.journal() + "/" + kJournalDatabase);
    for (std::size_t at = 0; at < 128; ++at) {
        std::string bytes = original;
        bytes[at] ^= static_cast<char>(1 << at % 8);
        copy_folder(folder_.journal(), copy_);
        write_file(copy_ + "/" + kJournalDatabase, bytes);
        const std::string context = "byte " + std::to_string(at);
        const std::string code = open_copy(context);
        EXPECT_TRUE(code.empty() || code == "journal_corrupt")
            << context << ": " << last_error_.to_string();
    }
    storm(kJournalDatabase, 150, 4000, 60);
}

TEST_F(JournalCorruption, FilesThatAreMissingOrEmpty) {
    const struct {
        const char* name;
        bool empty;
        const char* says;
    } cases[] = {{kJournalDatabase, false, "journal.db: is missing, but its mark is there"},
                 {kJournalDatabase, true, "journal.db: is empty"},
                 {kJournalWal, false, "acknowledged commits are lost"},
                 {kJournalWal, true, "acknowledged commits are lost"},
                 {kJournalMark, false, "journal.mark: is missing"},
                 {kJournalMark, true, "journal.mark: both copies of the mark are bad"}};
    for (const auto& [name, empty, says] : cases) {
        copy_folder(folder_.journal(), copy_);
        std::filesystem::remove(copy_ + "/" + name);
        if (empty) write_file(copy_ + "/" + name, "");
        EXPECT_EQ(open_copy(name), "journal_corrupt") << name;
        EXPECT_THAT(last_error_.detail,
                    AllOf(HasSubstr(says), HasSubstr("from one backup"), HasSubstr("forgets")));
    }
    std::filesystem::remove(copy_ + "/" + kJournalMark);
    std::filesystem::remove(copy_ + "/" + kJournalDatabase);
    EXPECT_EQ(open_copy("a WAL alone"), "journal_corrupt");
    EXPECT_THAT(last_error_.detail, HasSubstr("its WAL is there"));
    std::filesystem::remove(copy_ + "/" + kJournalWal);
    EXPECT_TRUE(JournalStore::open(copy_)) << "all moved away: an empty journal";
}

TEST_F(JournalCorruption, FilesOfTwoJournals) {
    const std::string other = folder_.path() + "/other";
    Rows rows;
    write_and_die(other, 0, 300, rows);
    copy_folder(folder_.journal(), copy_);
    std::filesystem::copy_file(other + "/" + kJournalMark, copy_ + "/" + kJournalMark,
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(open_copy("a foreign mark"), "journal_corrupt");
    EXPECT_THAT(last_error_.detail, HasSubstr("belongs to another"));
    copy_folder(folder_.journal(), copy_);
    std::filesystem::copy_file(other + "/" + kJournalWal, copy_ + "/" + kJournalWal,
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(open_copy("a foreign WAL"), "journal_corrupt");
}

// A backup is a copy of all files: it opens. An old database beside a new mark does not.
TEST_F(JournalCorruption, Backups) {
    copy_folder(folder_.journal(), folder_.path() + "/backup");
    Rows rows = rows_;
    write_and_die(folder_.journal(), 171, 180, rows);
    copy_folder(folder_.path() + "/backup", copy_);
    EXPECT_EQ(open_copy("the backup"), "");
    copy_folder(folder_.path() + "/backup", copy_);
    std::filesystem::copy_file(folder_.journal() + "/" + kJournalMark, copy_ + "/" + kJournalMark,
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(open_copy("the backup without its mark"), "journal_corrupt");
    EXPECT_THAT(last_error_.detail, HasSubstr("end at commit"));
}

// The kernel kept the mark and not all of the WAL, and the machine has booted since: what was not
// synced may be gone, without alarm; what was synced may not.
TEST_F(JournalCorruption, APowerFailure) {
    constexpr BootId kAnotherBoot{std::byte{7}};
    // 120..170 are in the WAL, the last synced one of them:
    constexpr std::uint64_t kSynced = 160;
    ASSERT_EQ(durability_of(kSynced), Durability::power);
    std::vector<Rows> rows_until(171);
    for (std::uint64_t n = 0; n <= 170; ++n) {
        if (n > 0) rows_until[n] = rows_until[n - 1];
        add_changes(n, rows_until[n]);
    }
    const std::string wal = read_file(folder_.journal() + "/" + kJournalWal);
    int opened = 0;
    int refused = 0;
    for (std::size_t cut = 0; cut < wal.size(); cut += wal.size() / 60) {
        copy_folder(folder_.journal(), copy_);
        write_file(copy_ + "/" + kJournalWal, std::string_view(wal).substr(0, cut));
        EXPECT_FALSE(JournalStore::open(copy_).has_value()) << "in this boot, " << cut;
        const auto rebooted = open_journal(copy_, kAnotherBoot, journal_migrations());
        if (!rebooted) {
            EXPECT_EQ(rebooted.error().code, "journal_corrupt");
            EXPECT_EQ(opened, 0) << cut;
            ++refused;
            continue;
        }
        ++opened;
        std::filesystem::copy(copy_, copy_ + "2", std::filesystem::copy_options::recursive);
        {
            auto store = JournalStore::open(copy_ + "2");
            ASSERT_TRUE(store.has_value()) << store.error().to_string();
            const Rows found = rows_of(**store);
            EXPECT_NE(std::find(rows_until.begin() + kSynced, rows_until.end(), found),
                      rows_until.end())
                << cut;
            EXPECT_TRUE(write(**store, 200, Durability::process));
        }
        EXPECT_TRUE(JournalStore::open(copy_ + "2").has_value()) << cut;
        std::filesystem::remove_all(copy_ + "2");
    }
    EXPECT_GT(opened, 5);
    EXPECT_GT(refused, 20);
}

// After open() each row that is read is still compared with its checksum.
TEST(JournalCorruptionLater, OfARowThatWasRead) {
    const Folder folder;
    auto store = JournalStore::open(folder.journal());
    ASSERT_TRUE(store);
    const std::string data(1 << 20, 'x');
    // More than the page cache holds, all in the database, so that it is read from the file.
    for (std::uint64_t n = 0; n < 12; ++n) {
        ASSERT_TRUE((*store)->begin() && (*store)->put({"a", 1, n}, data) &&
                    (*store)->commit(Durability::process));
    }
    ASSERT_TRUE((*store)->maintain().value());
    const std::string path = folder.journal() + "/" + kJournalDatabase;
    const std::string bytes = read_file(path);
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const std::string garbled(64, 'y');
    for (std::size_t at = bytes.find(garbled.size(), 'x'); at < bytes.size(); at += 300'000) {
        if (bytes.substr(at, 64) != std::string(64, 'x')) continue;
        file.seekp(static_cast<std::streamoff>(at));
        file << garbled;
    }
    file.flush();
    int corrupt = 0;
    for (std::uint64_t n = 0; n < 12; ++n) {
        const auto row = (*store)->get({"a", 1, n});
        if (row) {
            EXPECT_TRUE(*row == data);
        } else {
            EXPECT_EQ(row.error().code, "journal_corrupt");
            ++corrupt;
        }
    }
    EXPECT_GT(corrupt, 0);
    const auto all = (*store)->for_each(
        [](std::uint8_t) { return true; },
        [](const JournalStore::Key&, std::string_view) { return base::Status{}; });
    ASSERT_FALSE(all.has_value());
    EXPECT_EQ(all.error().code, "journal_corrupt");
}

}  // namespace
}  // namespace s3zipd
