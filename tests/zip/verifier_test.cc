#include "zip/verifier.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <string>

#include "archive_builder.h"
#include "base/random.h"
#include "zip/crc32.h"

namespace zip {
namespace {

using zip_test::File;

bool has(const Findings& findings, std::string_view entry, std::string_view what) {
    return std::ranges::any_of(findings.list(), [&](const Finding& finding) {
        return finding.entry == entry && finding.what.find(what) != std::string::npos;
    });
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

TEST(Verifier, AcceptsWhatWeWriteInPiecesOfAnySize) {
    const std::string archive = zip_test::build_archive(zip_test::sample_files(), "comment");
    for (const std::size_t piece : {1U, 3U, 30U, 64U, 100'000U}) {
        for (const std::uint64_t body_piece : {1U, 200U, 100'000U}) {
            const zip_test::Verdict verdict =
                zip_test::verify(archive, {.feed = piece, .piece = body_piece});
            ASSERT_TRUE(verdict.findings.empty()) << verdict.findings.list()[0].what;
            EXPECT_EQ(verdict.entries, zip_test::sample_files().size());
            EXPECT_EQ(verdict.crc, crc32_update(0, base::as_bytes(archive)));
        }
    }
    EXPECT_TRUE(zip_test::verify(zip_test::build_archive({})).findings.empty());
    EXPECT_TRUE(zip_test::verify(zip_test::build_archive({{"one", ""}})).findings.empty());
}

TEST(Verifier, DirectoryLargerThanOneRange) {
    const std::string folders = std::string(200, 'x') + "/" + std::string(200, 'y') + "/";
    std::vector<File> files(40'000);
    for (std::size_t i = 0; i < files.size(); ++i) files[i].name = folders + std::to_string(i);
    const std::string archive = zip_test::build_archive(files);
    ASSERT_GT(archive.size() / 2, Verifier::kRangeSizeMax);
    const zip_test::Verdict verdict = zip_test::verify(archive);
    EXPECT_TRUE(verdict.findings.empty());
    EXPECT_EQ(verdict.entries, files.size());
}

TEST(Verifier, NamesThatEscapeOrClash) {
    const std::string archive =
        zip_test::build_archive({{"aa/bb/cc", "1"}, {"aa/bb", "2"}, {"d", "3"}, {"e", "4"}});
    EXPECT_TRUE(has(zip_test::verify(archive).findings, "aa/bb", "both a file and a folder"));
    const std::string twin =
        replaced(zip_test::build_archive({{"file1", "1"}, {"file2", "2"}}), "file2", "file1");
    EXPECT_TRUE(has(zip_test::verify(twin).findings, "file1", "taken"));
    for (const char* bad : {"../xy", "/abcd", "a\\bcd", "C:/xy", "a/./b", "ab\ncd", "caf\xE9s"}) {
        const std::string archive_of_bad =
            replaced(zip_test::build_archive({{"12345", "1"}}), "12345", bad);
        EXPECT_TRUE(has(zip_test::verify(archive_of_bad).findings, bad, "unsafe")) << bad;
    }
}

TEST(Verifier, GapsAndOverlaps) {
    const std::string archive = zip_test::build_archive({{"a", "xx"}, {"b", "yy"}});
    // Two more bytes in front of everything: offsets in the directory no longer fit.
    EXPECT_FALSE(zip_test::verify("xx" + archive).findings.empty());
    // Both entries with the first one's header.
    std::string twice = archive;
    const std::size_t second_central = twice.rfind("PK\1\2");
    twice.replace(second_central + 42, 4, std::string(4, '\0'));
    EXPECT_TRUE(has(zip_test::verify(twice).findings, "a", "same local header") ||
                has(zip_test::verify(twice).findings, "b", "same local header"));
    // The first entry claims one byte less, consistently.
    std::string shorter = archive;
    for (const std::size_t at : {std::size_t{18}, std::size_t{22}, archive.find("PK\1\2") + 20,
                                 archive.find("PK\1\2") + 24}) {
        shorter[at] = 1;
    }
    EXPECT_TRUE(has(zip_test::verify(shorter).findings, "a", "comes after 2"));
}

TEST(Verifier, MissingBytesAreReported) {
    const std::string archive = zip_test::build_archive({{"a", "data"}});
    Verifier verifier(archive.size());
    while (const auto range = verifier.next_range()) {
        verifier.feed(base::as_bytes(archive).subspan(range->offset, range->size));
    }
    BodyScanner scanner(verifier, 0, 1);
    scanner.feed(base::as_bytes(archive).first(33));
    scanner.finish();
    EXPECT_TRUE(has(scanner.findings(), "", "missing"));
}

// 5 GiB of zeros and a file behind them, verified end to end from one block of memory.
TEST(Verifier, Zip64ArchiveOfZeros) {
    constexpr std::uint64_t kSize = 5ULL << 30;
    const std::vector<std::byte> block(1 << 20);
    std::uint32_t zeros_crc = 0;
    const std::uint32_t block_crc = crc32_update(0, block);
    for (std::uint64_t at = 0; at < kSize; at += block.size())
        zeros_crc = crc32_combine(zeros_crc, block_crc, block.size());
    const std::vector<Entry> entries = {{.name = "zeros", .size = kSize},
                                        {.name = "last", .size = 4}};
    const std::vector<std::uint32_t> crcs = {zeros_crc, crc32_update(0, base::as_bytes("data"))};
    const SpanEntryList list(entries);
    const Layout layout = *Layout::create(list);
    std::string end(layout.archive_size() - layout.cd_offset(), '\0');
    CentralDirectory(layout, list, crcs)
        .read(layout.cd_offset(), {reinterpret_cast<std::byte*>(end.data()), end.size()});

    Verifier verifier(layout.archive_size());
    while (const auto range = verifier.next_range()) {
        std::string bytes(range->size, '\0');  // zeros before the directory
        const std::uint64_t known =
            std::min<std::uint64_t>(range->offset + range->size - layout.cd_offset(), range->size);
        const std::uint64_t from = std::max(range->offset, layout.cd_offset()) - layout.cd_offset();
        bytes.replace(range->size - known, known, end.substr(from, known));
        verifier.feed(base::as_bytes(bytes));
    }
    ASSERT_TRUE(verifier.findings().empty()) << verifier.findings().list()[0].what;
    ASSERT_EQ(verifier.count(), 2U);
    // Each lane would have pieces of its own; the zeros' CRC is taken once for all of them.
    constexpr std::uint64_t kPiece = 8 << 20;
    std::uint32_t piece_crc = 0;
    for (std::uint64_t at = 0; at < kPiece; at += block.size())
        piece_crc = crc32_update(piece_crc, block);
    BodyPlan plan(verifier, kPiece);
    BodyTally tally(verifier);
    std::uint64_t pieces = 0;
    while (auto piece = plan.next()) {
        ++pieces;
        if (piece->kind == BodyPiece::Kind::tail && piece->range.size == kPiece) {
            tally.add({*piece, piece_crc, {}});
            continue;
        }
        PieceScanner scanner(verifier, *piece);
        std::string bytes(piece->range.size, '\0');
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (piece->kind == BodyPiece::Kind::tail || piece->first != i) continue;
            encode_local_file_header(
                entries[i], crcs[i],
                {reinterpret_cast<std::byte*>(bytes.data()), layout.header_size(i)});
        }
        if (piece->first == 1) bytes.replace(bytes.size() - 4, 4, "data");
        scanner.feed(base::as_bytes(bytes));
        tally.add(scanner.finish());
    }
    EXPECT_EQ(pieces, 640U + 1U + 1U);
    EXPECT_TRUE(tally.findings().empty()) << tally.findings().list()[0].what;
}

// Not a corruption test but a safety one: random damage must never crash, hang or allocate without
// bound.
TEST(Verifier, SurvivesRandomDamage) {
    const std::string archive = zip_test::build_archive(zip_test::sample_files(), "comment");
    base::Random random(8);
    for (int round = 0; round < 3000; ++round) {
        std::string damaged =
            archive.substr(0, archive.size() - random.below(3) * random.below(40));
        for (std::uint64_t n = 1 + random.below(20); n > 0; --n) {
            damaged[random.below(damaged.size())] =
                static_cast<char>(random.below(3) == 0 ? 0xFF : random.next());
        }
        zip_test::verify(damaged, {.feed = 1 + random.below(200), .piece = 1 + random.below(300)});
    }
}

}  // namespace
}  // namespace zip
