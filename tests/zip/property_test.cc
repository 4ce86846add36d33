// Random archives: the project's records against the reference writer, sizes planned against sizes
// written.
#include <gtest/gtest.h>
#include <algorithm>
#include <string>
#include <vector>

#include "archive_builder.h"
#include "base/random.h"
#include "reference_writer.h"
#include "zip/central_directory.h"
#include "zip/crc32.h"

namespace zip_test {
namespace {

std::string random_name(base::Random& random, std::size_t index, bool directory) {
    constexpr const char* kPieces[] = {
        "a", "B", "folder/", "\xC3\xA4", "\xE6\x97\xA5", " s", "long-long-long-name"};
    std::string name = std::to_string(index);
    for (std::uint64_t n = random.below(6); n > 0; --n)
        name += kPieces[random.below(std::size(kPieces))];
    if (name.ends_with('/')) name.pop_back();
    return directory ? name + "/" : name;
}

std::int64_t random_mtime(base::Random& random) {
    constexpr std::int64_t kEdges[] = {0,
                                       -1,
                                       315'532'799,
                                       315'532'800,
                                       0x7FFFFFFF,
                                       0x80000000,
                                       4'354'819'199,
                                       4'354'819'200,
                                       -0x80000000LL,
                                       -0x80000001LL};
    if (random.below(4) == 0) return kEdges[random.below(std::size(kEdges))];
    return static_cast<std::int64_t>(random.below(2'000'000'000));
}

TEST(Property, SmallArchivesEqualTheReferenceAndVerify) {
    base::Random random(11);
    for (int round = 0; round < 400; ++round) {
        std::vector<File> files(random.below(12));
        std::vector<ReferenceFile> reference_files;
        for (std::size_t i = 0; i < files.size(); ++i) {
            const bool directory = random.below(8) == 0;
            files[i].name = random_name(random, i, directory);
            files[i].mtime_unix_s = random_mtime(random);
            if (!directory) files[i].data.resize(random.below(3) == 0 ? 0 : random.below(3000));
            for (char& c : files[i].data) c = static_cast<char>(random.next());
            const std::uint32_t crc = zip::crc32_update(0, base::as_bytes(files[i].data));
            reference_files.push_back(
                {files[i].name, files[i].data.size(), crc, files[i].mtime_unix_s});
        }
        const std::string comment(random.below(3) == 0 ? random.below(100) : 0, 'c');
        const ReferenceArchive reference = reference_archive(reference_files, comment);
        std::string expected;
        for (std::size_t i = 0; i < files.size(); ++i)
            expected += reference.headers[i] + files[i].data;
        expected += reference.end;

        const std::string archive = build_archive(files, comment);
        ASSERT_EQ(archive, expected) << "round " << round;
        const Verdict verdict = verify(archive, {.feed = 1 + random.below(500),
                                                 .piece = 1 + random.below(1000),
                                                 .backwards = random.below(2) == 0});
        ASSERT_TRUE(verdict.findings.empty())
            << "round " << round << ": " << verdict.findings.list()[0].what;
        ASSERT_EQ(verdict.entries, files.size());
        ASSERT_EQ(verdict.crc, zip::crc32_update(0, base::as_bytes(archive)));
    }
}

// Sizes around 4 GiB, so that entries and offsets fall on either side of it; only headers exist.
TEST(Property, HugeArchivesEqualTheReference) {
    base::Random random(12);
    constexpr std::uint64_t kSizes[] = {0,          5,           0x7FFFFFF0,    0xFFFFFFFE,
                                        0xFFFFFFFF, 0x100000000, 40'000'000'000};
    for (int round = 0; round < 400; ++round) {
        std::vector<ReferenceFile> files(1 + random.below(20));
        std::vector<zip::Entry> entries;
        std::vector<std::uint32_t> crcs;
        for (std::size_t i = 0; i < files.size(); ++i) {
            files[i] = {random_name(random, i, false), kSizes[random.below(std::size(kSizes))],
                        static_cast<std::uint32_t>(random.next()), random_mtime(random)};
        }
        for (const ReferenceFile& file : files) {
            entries.push_back(
                {.name = file.name, .size = file.size, .mtime_unix_s = file.mtime_unix_s});
            crcs.push_back(file.crc);
        }
        const ReferenceArchive reference = reference_archive(files, "");
        const zip::SpanEntryList list(entries);
        const zip::Layout layout = *zip::Layout::create(list);
        ASSERT_EQ(layout.archive_size(), reference.size);
        ASSERT_EQ(layout.cd_offset(), reference.directory_offset);
        for (std::size_t i = 0; i < files.size(); ++i) {
            ASSERT_EQ(layout.header_offset(i), reference.offsets[i]);
            ASSERT_EQ(layout.data_size(i), files[i].size);
            std::string header(layout.header_size(i), '\xEE');
            zip::encode_local_file_header(
                entries[i], crcs[i], {reinterpret_cast<std::byte*>(header.data()), header.size()});
            ASSERT_EQ(header, reference.headers[i]);
        }
        std::string end(layout.archive_size() - layout.cd_offset(), '\xEE');
        zip::CentralDirectory(layout, list, crcs)
            .read(layout.cd_offset(), {reinterpret_cast<std::byte*>(end.data()), end.size()});
        ASSERT_EQ(end, reference.end);
    }
}

TEST(Property, EntryCountsAroundTheEdgeEqualTheReference) {
    for (const std::size_t count : {65'534U, 65'535U, 65'536U}) {
        std::vector<File> files(count);
        std::vector<ReferenceFile> reference_files(count);
        for (std::size_t i = 0; i < count; ++i) {
            files[i].name = reference_files[i].name = std::to_string(i);
            reference_files[i].mtime_unix_s = files[i].mtime_unix_s;
        }
        const ReferenceArchive reference = reference_archive(reference_files, "");
        std::string expected;
        for (const std::string& header : reference.headers) expected += header;
        const std::string archive = build_archive(files);
        ASSERT_TRUE(archive == expected + reference.end) << count;
        const Verdict verdict = verify(archive);
        ASSERT_TRUE(verdict.findings.empty()) << verdict.findings.list()[0].what;
        ASSERT_EQ(verdict.entries, count);
    }
}

}  // namespace
}  // namespace zip_test
