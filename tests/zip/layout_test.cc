#include "zip/layout.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace zip {
namespace {

// n entries of one size, named by their number: large archives without memory.
class UniformList final : public EntryList {
  public:
    UniformList(std::uint64_t count, std::uint64_t size) : count_(count), size_(size) {}
    std::uint64_t count() const override { return count_; }
    Entry entry(std::uint64_t) const override { return {.name = "12345678", .size = size_}; }

  private:
    std::uint64_t count_, size_;
};

constexpr std::uint64_t kLocalSize = 30 + 8 + 9;
constexpr std::uint64_t kCentralSize = 46 + 8 + 9;

Layout create(std::uint64_t count, std::uint64_t size) {
    base::Result<Layout> layout = Layout::create(UniformList(count, size));
    EXPECT_TRUE(layout) << layout.error().to_string();
    return std::move(*layout);
}

std::string error_code(const Entry& entry) {
    const Entry one[] = {entry};
    const base::Result<Layout> layout = Layout::create(SpanEntryList(one));
    return layout ? "" : layout.error().code;
}

TEST(Layout, EmptyArchiveIsTheEndRecord) {
    const Layout layout = create(0, 0);
    EXPECT_EQ(layout.count(), 0U);
    EXPECT_EQ(layout.cd_offset(), 0U);
    EXPECT_EQ(layout.archive_size(), 22U);
}

TEST(Layout, EveryOffset) {
    const Entry entries[] = {{.name = "a", .size = 10},
                             {.name = "d/", .unix_mode = kDirectoryMode, .is_directory = true},
                             {.name = "far", .size = 5, .mtime_unix_s = 1LL << 40}};
    const Layout layout = *Layout::create(SpanEntryList(entries), {.comment_size = 3});
    EXPECT_EQ(layout.header_offset(0), 0U);
    EXPECT_EQ(layout.header_size(0), 40U);
    EXPECT_EQ(layout.data_offset(0), 40U);
    EXPECT_EQ(layout.end(0), 50U);
    EXPECT_EQ(layout.header_offset(1), 50U);
    EXPECT_EQ(layout.data_size(1), 0U);
    EXPECT_EQ(layout.end(1), 91U);
    EXPECT_EQ(layout.data_offset(2), 91U + 33);  // no timestamp
    EXPECT_EQ(layout.data_size(2), 5U);
    EXPECT_EQ(layout.cd_offset(), 129U);
    EXPECT_EQ(layout.cd_entry_offset(0), 129U);
    EXPECT_EQ(layout.cd_entry_offset(1), 129U + 56);
    EXPECT_EQ(layout.cd_entry_offset(2), 129U + 56 + 57);
    EXPECT_EQ(layout.cd_entry_offset(3), 129U + 56 + 57 + 49);
    EXPECT_EQ(layout.end_records_offset(), layout.cd_entry_offset(3));
    EXPECT_EQ(layout.archive_size(), 129U + 56 + 57 + 49 + 22 + 3);
}

TEST(Layout, Zip64StartsWithTheEntryThatNeedsIt) {
    // Entry 1 starts at 0xFFFFFFFE or 0xFFFFFFFF, depending on the size of entry 0 before it.
    for (const std::uint64_t offset : {0xFFFFFFFEULL, 0xFFFFFFFFULL, 0x100000000ULL}) {
        const Entry entries[] = {{.name = "12345678", .size = offset - kLocalSize},
                                 {.name = "12345678"}};
        const Layout layout = *Layout::create(SpanEntryList(entries));
        ASSERT_EQ(layout.header_offset(1), offset);
        const std::uint64_t far = offset >= 0xFFFFFFFF ? 12 : 0;
        EXPECT_EQ(layout.cd_entry_offset(1) - layout.cd_entry_offset(0), kCentralSize);
        EXPECT_EQ(layout.cd_entry_offset(2) - layout.cd_entry_offset(1), kCentralSize + far);
        EXPECT_EQ(layout.header_size(1),
                  kLocalSize);  // a small entry beyond 4 GiB keeps a plain local header
    }
}

TEST(Layout, EntryCountsAtTheEdgeOf16Bits) {
    for (const std::uint64_t count : {65'534U, 65'535U, 65'536U}) {
        const Layout layout = create(count, 1);
        const std::uint64_t end_size = count >= 65'535 ? 56 + 20 + 22 : 22;
        EXPECT_EQ(layout.archive_size(), count * (kLocalSize + 1 + kCentralSize) + end_size);
    }
}

TEST(Layout, FindsEntriesByOffset) {
    const Layout layout = create(1000, 3);
    for (const std::uint64_t i : {0U, 1U, 500U, 999U}) {
        EXPECT_EQ(layout.entry_at(layout.header_offset(i)), i);
        EXPECT_EQ(layout.entry_at(layout.end(i) - 1), i);
        EXPECT_EQ(layout.cd_entry_at(layout.cd_entry_offset(i)), i);
        EXPECT_EQ(layout.cd_entry_at(layout.cd_entry_offset(i + 1) - 1), i);
    }
}

TEST(Layout, AMillionEntries) {
    const Layout layout = create(1'000'000, 1024);
    EXPECT_EQ(layout.header_offset(999'999), 999'999 * (kLocalSize + 1024));
    EXPECT_EQ(layout.cd_entry_offset(1'000'000) - layout.cd_offset(), layout.cd_size());
    EXPECT_EQ(layout.archive_size(), 1'000'000 * (kLocalSize + 1024 + kCentralSize) + 98);
}

TEST(Layout, RefusesWhatS3CannotHold) {
    // 256 entries of 40 GB are 10 TB; 1,400 of them pass 48.8 TiB.
    EXPECT_TRUE(Layout::create(UniformList(256, 40'000'000'000)));
    const base::Result<Layout> layout = Layout::create(UniformList(1'400, 40'000'000'000));
    ASSERT_FALSE(layout);
    EXPECT_EQ(layout.error().kind, base::ErrorKind::exhausted);
    EXPECT_EQ(layout.error().code, "archive_too_large");
}

TEST(Layout, TheLimitIsExactAndNothingOverflows) {
    const std::uint64_t size = create(10, 100).archive_size();
    EXPECT_TRUE(Layout::create(UniformList(10, 100), {.archive_size_max = size}));
    EXPECT_FALSE(Layout::create(UniformList(10, 100), {.archive_size_max = size - 1}));
    EXPECT_FALSE(Layout::create(UniformList(3, UINT64_MAX / 2), {.archive_size_max = UINT64_MAX}));
    EXPECT_FALSE(Layout::create(UniformList(1, UINT64_MAX), {.archive_size_max = UINT64_MAX}));
}

TEST(Layout, RefusesEntriesThatNoRecordCanHold) {
    EXPECT_EQ(error_code({.name = ""}), "bad_entry_name");
    EXPECT_EQ(error_code({.name = "d"}), "");
    EXPECT_EQ(error_code({.name = "d/"}), "bad_entry_name");
    EXPECT_EQ(error_code({.name = "d", .is_directory = true}), "bad_entry_name");
    EXPECT_EQ(error_code({.name = "d/", .size = 1, .is_directory = true}), "bad_entry_size");
    const std::string longest(kNameSizeMax, 'n');
    EXPECT_EQ(error_code({.name = longest}), "");
    EXPECT_EQ(error_code({.name = longest + "n"}), "bad_entry_name");
    EXPECT_TRUE(Layout::create(UniformList(0, 0), {.comment_size = 65'535}));
    EXPECT_EQ(Layout::create(UniformList(0, 0), {.comment_size = 65'536}).error().code,
              "bad_comment");
}

TEST(Layout, CommentsThatReadersWouldTakeForTheEndAreRefused) {
    EXPECT_TRUE(check_comment(""));
    EXPECT_TRUE(check_comment("made by PK"));
    EXPECT_TRUE(check_comment(std::string(65'535, 'c')));
    EXPECT_EQ(check_comment(std::string(65'536, 'c')).error().code, "bad_comment");
    EXPECT_EQ(check_comment("x PK\5\6 y").error().code, "bad_comment");
}

}  // namespace
}  // namespace zip
