// A journal whose directory, or a file of it, is deleted or replaced while it is open: nothing is
// acknowledged that the next process would not find.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <future>

#include "daemon/journal_store.h"
#include "daemon/journal_writer.h"
#include "journal_rig.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class JournalPlaceTest : public testing::Test {
  protected:
    void SetUp() override {
        open();
        ASSERT_TRUE(write(*store_, 1, Durability::power));  // there is a WAL
        add_changes(1, rows_);
    }
    void open() {
        store_.reset();
        auto store = JournalStore::open(folder_.journal());
        ASSERT_TRUE(store.has_value()) << store.error().to_string();
        store_ = std::move(*store);
    }
    std::string file(const char* name) const { return folder_.journal() + "/" + name; }
    std::string aside() const { return folder_.path() + "/aside"; }
    // Both kinds of commit fail, name the path and change nothing.
    void expect_refused(const std::string& path) {
        EXPECT_FALSE(store_->check_in_place());
        for (const Durability durability : {Durability::process, Durability::power}) {
            const auto written = write(*store_, 2, durability);
            ASSERT_FALSE(written);
            EXPECT_EQ(written.error().code, "journal_replaced");
            EXPECT_EQ(written.error().kind, base::ErrorKind::invalid);
            EXPECT_THAT(written.error().detail, HasSubstr(path));
            EXPECT_THAT(written.error().detail, HasSubstr("restart s3zipd"));
        }
    }
    // And after what was done has been undone it goes on, without what was refused.
    void expect_goes_on() {
        EXPECT_TRUE(store_->check_in_place());
        EXPECT_EQ(rows_of(*store_), rows_);
        ASSERT_TRUE(write(*store_, 3, Durability::power));
        add_changes(3, rows_);
        open();
        EXPECT_EQ(rows_of(*store_), rows_);
    }

    Folder folder_;
    std::unique_ptr<JournalStore> store_;
    Rows rows_;
};

TEST_F(JournalPlaceTest, InPlaceNothingIsRefused) { expect_goes_on(); }

TEST_F(JournalPlaceTest, TheDirectoryIsMovedAway) {
    fs::rename(folder_.journal(), aside());
    expect_refused(folder_.journal());
    fs::rename(aside(), folder_.journal());
    expect_goes_on();
}

TEST_F(JournalPlaceTest, AnotherDirectoryIsInItsPlace) {
    fs::rename(folder_.journal(), aside());
    copy_folder(aside(), folder_.journal());
    expect_refused(folder_.journal());
    fs::remove_all(folder_.journal());
    fs::rename(aside(), folder_.journal());
    expect_goes_on();
}

TEST_F(JournalPlaceTest, TheDirectoryIsDeleted) {
    fs::remove_all(folder_.journal());
    expect_refused(folder_.journal());
    rows_.clear();
    open();  // as the next process
    expect_goes_on();
}

TEST_F(JournalPlaceTest, ALinkToTheSameDirectoryIsTheSameDirectory) {
    fs::rename(folder_.journal(), aside());
    fs::create_directory_symlink(aside(), folder_.journal());
    expect_goes_on();
}

TEST_F(JournalPlaceTest, AFileIsDeletedOrReplaced) {
    for (const char* name : {kJournalDatabase, kJournalWal, kJournalMark, kJournalLock}) {
        SCOPED_TRACE(name);
        fs::rename(file(name), aside());
        expect_refused(file(name));
        fs::copy_file(aside(), file(name));
        expect_refused(file(name));
        fs::remove(file(name));
        fs::rename(aside(), file(name));
        ASSERT_TRUE(store_->check_in_place());
    }
    expect_goes_on();
}

// The writer finds out by itself, so that readiness need not wait for a job.
TEST_F(JournalPlaceTest, AWriterWithNothingToDoNoticesIt) {
    JournalWriter writer(*store_);
    EXPECT_EQ(writer.problem(), "");
    fs::rename(folder_.journal(), aside());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (writer.healthy() && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_FALSE(writer.healthy());
    EXPECT_THAT(writer.problem(), HasSubstr("was deleted or replaced"));
    fs::rename(aside(), folder_.journal());
    std::promise<base::Status> answer;
    writer.write(
        JournalWriter::Lane::urgent, Durability::power,
        [](JournalStore& store) { return store.put({"job", 1, 1}, "x"); },
        [&](base::Status status) { answer.set_value(std::move(status)); });
    EXPECT_TRUE(answer.get_future().get());
    EXPECT_TRUE(writer.healthy());
    EXPECT_EQ(writer.problem(), "");
}

}  // namespace
}  // namespace s3zipd
