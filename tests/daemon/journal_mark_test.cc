// The mark by itself: copies, boots, lost commits.
#include "daemon/journal_mark.h"

#include <signal.h>
#include <sys/resource.h>

#include "journal_rig.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

constexpr BootId kBoot{std::byte{1}};
constexpr BootId kNextBoot{std::byte{2}};
constexpr std::uint64_t kStore = 77;

class JournalMarkTest : public testing::Test {
  protected:
    JournalMarkTest() : directory_(JournalDirectory::open(folder_.journal())) {}
    base::Result<JournalMark> open(BootId boot = kBoot) {
        return JournalMark::open(*directory_, boot);
    }
    std::string path() const { return folder_.journal() + "/" + kJournalMark; }
    // Commits 1..last, of which an fsync covers those up to `synced`.
    void write_commits(std::uint64_t last, std::uint64_t synced) {
        auto mark = open();
        ASSERT_TRUE(mark->start(*directory_, {kStore, 0, 0}));
        for (std::uint64_t n = 1; n <= last; ++n) {
            ASSERT_TRUE(mark->write({kStore, n, std::min(n, synced)}));
        }
    }

    Folder folder_;
    base::Result<JournalDirectory> directory_;
};

TEST_F(JournalMarkTest, AMissingOneIsGoodForAFirstStartOnly) {
    const auto mark = open();
    ASSERT_TRUE(mark);
    EXPECT_FALSE(mark->exists());
    EXPECT_TRUE(mark->check(kStore, 0));
    const auto used = mark->check(kStore, 1);
    ASSERT_FALSE(used.has_value());
    EXPECT_EQ(used.error().code, "journal_corrupt");
    EXPECT_THAT(used.error().detail, HasSubstr(path() + ": is missing"));
}

TEST_F(JournalMarkTest, ADatabaseMayBeAheadAndNotBehind) {
    write_commits(9, 4);
    const auto mark = open();
    ASSERT_TRUE(mark);
    EXPECT_EQ(mark->commits().sequence, 9u);
    EXPECT_TRUE(mark->check(kStore, 9));
    EXPECT_TRUE(mark->check(kStore, 10));
    EXPECT_THAT(mark->check(kStore, 8).error().detail,
                HasSubstr("end at commit 8, the mark says 9"));
    EXPECT_THAT(mark->check(kStore + 1, 9).error().detail, HasSubstr("another journal.db"));
}

TEST_F(JournalMarkTest, AfterAnotherBootOnlyWhatWasSyncedIsAskedFor) {
    write_commits(9, 4);
    const auto mark = open(kNextBoot);
    EXPECT_TRUE(mark->check(kStore, 4));
    EXPECT_THAT(mark->check(kStore, 3).error().detail, HasSubstr("the mark says 4"));
    // Who does not know the boot cannot tell, and must not alarm.
    EXPECT_TRUE(open(BootId{})->check(kStore, 4));
}

// The daemon after a power failure that has taken commits 5 to 9: it goes on from there, and the
// commits that were lost must not be asked for again.
TEST_F(JournalMarkTest, ARestartOverwritesBothCopies) {
    write_commits(9, 4);
    auto mark = open(kNextBoot);
    ASSERT_TRUE(mark->start(*directory_, {kStore, 4, 4}));
    for (const std::size_t copy : {0u, 1u}) {
        std::string bytes = read_file(path());
        bytes[copy * kMarkCopyDistance + 30] ^= 1;
        write_file(folder_.journal() + "/kept", read_file(path()));
        write_file(path(), bytes);
        const auto again = open(kNextBoot);
        ASSERT_TRUE(again);
        EXPECT_TRUE(again->check(kStore, 4)) << copy;
        EXPECT_FALSE(again->check(kStore, 3)) << copy;
        std::filesystem::rename(folder_.journal() + "/kept", path());
    }
}

TEST_F(JournalMarkTest, OneBadCopyIsForgivenTwoAreNot) {
    write_commits(9, 0);
    const std::string good = read_file(path());
    ASSERT_EQ(good.size(), kMarkCopyDistance + kMarkCopyBytes);
    for (std::size_t at = 0; at < kMarkCopyBytes; ++at) {
        std::string bytes = good;
        bytes[at] ^= 1;
        write_file(path(), bytes);
        auto one = open();
        ASSERT_TRUE(one) << at;
        EXPECT_EQ(one->commits().sequence, 9u) << at;  // an odd generation is in the second copy
        bytes = good;
        bytes[kMarkCopyDistance + at] ^= 1;
        write_file(path(), bytes);
        auto other = open();
        ASSERT_TRUE(other) << at;
        EXPECT_EQ(other->commits().sequence, 8u) << at;
        bytes[at] ^= 1;
        write_file(path(), bytes);
        auto none = open();
        ASSERT_FALSE(none) << at;
        EXPECT_EQ(none.error().code, "journal_corrupt");
        EXPECT_THAT(none.error().detail, HasSubstr(path() + ": both copies"));
    }
}

TEST_F(JournalMarkTest, AWriteThatFailsLeavesTheOtherCopy) {
    write_commits(9, 0);
    auto mark = open();
    struct rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limited = before;
    limited.rlim_cur = 20;  // the first copy is torn
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
    const auto torn = mark->write({kStore, 10, 0});
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(torn.has_value());
    EXPECT_THAT(torn.error().detail, HasSubstr(path()));
    auto after = open();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->commits().sequence, 9u);
    ASSERT_TRUE(mark->write({kStore, 10, 10}));
    EXPECT_EQ(open()->commits().sequence, 10u);
}

TEST_F(JournalMarkTest, ThisBootHasAName) {
    EXPECT_EQ(current_boot(), current_boot());
    if (std::filesystem::exists("/proc/sys/kernel/random/boot_id")) {
        EXPECT_NE(current_boot(), BootId{});
    }
}

}  // namespace
}  // namespace s3zipd
