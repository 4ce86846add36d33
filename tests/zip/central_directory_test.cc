#include "zip/central_directory.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <string>

#include "archive_builder.h"
#include "base/random.h"

namespace zip {
namespace {

class CentralDirectoryTest : public testing::Test {
  protected:
    CentralDirectoryTest() {
        for (int i = 0; i < 40; ++i)
            files_.push_back({"file" + std::string(static_cast<std::size_t>(i), 'x'), "data"});
        entries_ = zip_test::to_entries(files_);
        crcs_ = zip_test::crcs_of(files_);
        archive_ = zip_test::build_archive(files_, "comment");
    }
    std::string read(CentralDirectory& directory, std::uint64_t offset, std::uint64_t size) {
        std::string out(size, '\xEE');
        directory.read(offset, {reinterpret_cast<std::byte*>(out.data()), out.size()});
        return out;
    }

    std::vector<zip_test::File> files_ = zip_test::sample_files();
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> crcs_;
    std::string archive_;
};

TEST_F(CentralDirectoryTest, SequentialRangesOfAnySize) {
    const SpanEntryList list(entries_);
    const Layout layout = *Layout::create(list, {.comment_size = 7});
    for (const std::uint64_t step : {1U, 2U, 7U, 45U, 46U, 47U, 61U, 500U, 100'000U}) {
        CentralDirectory directory(layout, list, crcs_, "comment");
        std::string all;
        for (std::uint64_t at = layout.cd_offset(); at < layout.archive_size(); at += step) {
            all += read(directory, at, std::min(step, layout.archive_size() - at));
        }
        ASSERT_EQ(all, archive_.substr(layout.cd_offset())) << step;
    }
}

TEST_F(CentralDirectoryTest, RandomRanges) {
    const SpanEntryList list(entries_);
    const Layout layout = *Layout::create(list, {.comment_size = 7});
    CentralDirectory directory(layout, list, crcs_, "comment");
    base::Random random(5);
    for (int i = 0; i < 3000; ++i) {
        const std::uint64_t begin =
            layout.cd_offset() + random.below(layout.archive_size() - layout.cd_offset() + 1);
        const std::uint64_t size =
            random.below(std::min<std::uint64_t>(layout.archive_size() - begin, 400) + 1);
        ASSERT_EQ(read(directory, begin, size), archive_.substr(begin, size))
            << begin << " + " << size;
    }
}

TEST_F(CentralDirectoryTest, EmptyArchive) {
    const SpanEntryList list({});
    const Layout layout = *Layout::create(list);
    CentralDirectory directory(layout, list, {});
    EXPECT_EQ(read(directory, 0, 22), "PK\5\6" + std::string(18, '\0'));
    EXPECT_EQ(read(directory, 2, 3), std::string("\5\6\0", 3));
}

// Counts how often entries are read: consecutive ranges must not start over.
class CountingList final : public EntryList {
  public:
    std::uint64_t count() const override { return 10'000; }
    Entry entry(std::uint64_t) const override {
        ++reads;
        return {.name = "entry"};
    }
    mutable std::uint64_t reads = 0;
};

TEST(CentralDirectory, ConsecutiveRangesReadEachEntryOnceOrTwice) {
    const CountingList list;
    const Layout layout = *Layout::create(list);
    list.reads = 0;
    const std::vector<std::uint32_t> crcs(list.count(), 0);
    CentralDirectory directory(layout, list, crcs);
    std::vector<std::byte> block(1000);
    for (std::uint64_t at = layout.cd_offset(); at < layout.archive_size(); at += block.size()) {
        const std::uint64_t size =
            std::min<std::uint64_t>(block.size(), layout.archive_size() - at);
        directory.read(at, std::span(block).first(size));
    }
    EXPECT_LE(list.reads, list.count() + layout.cd_size() / block.size() + 1);
}

}  // namespace
}  // namespace zip
