#include "zip/body_plan.h"

#include <gtest/gtest.h>
#include <algorithm>

#include "archive_builder.h"
#include "base/random.h"
#include "zip/crc32.h"

namespace zip {
namespace {

using Kind = BodyPiece::Kind;
using zip_test::File;

constexpr std::uint64_t kKiB = 1024;

std::string noise(std::uint64_t seed, std::size_t size) {
    base::Random random(seed);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random.next());
    return text;
}

std::string archive_of_large_and_small() {
    return zip_test::build_archive({{"a", noise(1, 100)},
                                    {"b", noise(2, 700 * kKiB)},
                                    {"c", noise(3, 5000)},
                                    {"d", ""},
                                    {"e", noise(4, 300 * kKiB)},
                                    {"f", noise(5, 10)}});
}

Verifier verifier_of(std::string_view archive) {
    Verifier verifier(archive.size());
    while (const auto range = verifier.next_range())
        verifier.feed(base::as_bytes(archive).subspan(range->offset, range->size));
    return verifier;
}

TEST(BodyPlanTest, PiecesCoverTheBodyOnce) {
    const std::string archive = archive_of_large_and_small();
    const Verifier verifier = verifier_of(archive);
    for (const std::uint64_t size : {std::uint64_t{1}, 10 * kKiB, 160 * kKiB, 2048 * kKiB}) {
        BodyPlan plan(verifier, size);
        std::uint64_t at = 0, entry = 0;
        while (const auto piece = plan.next()) {
            EXPECT_EQ(piece->range.offset, at);
            EXPECT_LE(piece->range.size, std::max(size, kLocalFileHeaderSizeMax));
            EXPECT_EQ(piece->first, entry);
            at += piece->range.size;
            if (at == verifier.begin(piece->last)) entry = piece->last;
        }
        EXPECT_EQ(at, verifier.body_size());
        EXPECT_EQ(entry, verifier.count());
    }
}

TEST(BodyPlanTest, LargeEntriesAreReadInRangesSmallOnesTogether) {
    const std::string archive = archive_of_large_and_small();
    const Verifier verifier = verifier_of(archive);
    BodyPlan plan(verifier, 256 * kKiB);
    std::vector<Kind> kinds;
    while (const auto piece = plan.next()) kinds.push_back(piece->kind);
    EXPECT_EQ(kinds, (std::vector<Kind>{Kind::run, Kind::head, Kind::tail, Kind::tail, Kind::run,
                                        Kind::head, Kind::tail, Kind::run}));
}

TEST(BodyPlanTest, ALargeEntryIsRightWhateverOrderItsPiecesComeIn) {
    const std::string archive = archive_of_large_and_small();
    const std::uint32_t crc = crc32_update(0, base::as_bytes(archive));
    for (const bool backwards : {false, true}) {
        for (const std::uint64_t piece : {std::uint64_t{1000}, 200 * kKiB}) {
            const auto verdict =
                zip_test::verify(archive, {.piece = piece, .backwards = backwards});
            EXPECT_TRUE(verdict.findings.empty()) << verdict.findings.list()[0].what;
            EXPECT_EQ(verdict.crc, crc);
        }
    }
}

// Whatever its pieces are, the same findings.
TEST(BodyPlanTest, ALargeEntryThatIsWrong) {
    const std::string good = archive_of_large_and_small();
    const std::size_t header = good.find("PK\3\4", 4);
    const std::size_t central = good.find("PK\1\2", good.find("PK\1\2") + 4);
    struct Case {
        std::size_t at;
        char with;
        const char* what;
    };
    const Case cases[] = {
        {header + 500 * kKiB, '!', "the data's CRC-32"},       // in a tail
        {header + 200, '!', "the data's CRC-32"},              // in the head
        {header + 14, '!', "the CRC-32 in the local header"},  //
        {header, '!', "no local file header here"},            //
        {header + 26, 9, "extra"},                             // name length: the data moves
        {central + 22, 5, "the data has"},                     // compressed size: ends in a tail
        {central + 22, 1, "the data has"},                     // ends in the head
        {header + 29, '\x7F', "extra block"},                  // a header of 32 KiB
    };
    for (const Case& c : cases) {
        std::string bad = good;
        ASSERT_NE(bad[c.at], c.with);
        bad[c.at] = c.with;
        const auto whole = zip_test::verify(bad);
        const auto pieces = zip_test::verify(bad, {.piece = 10 * kKiB, .backwards = true});
        EXPECT_TRUE(std::ranges::any_of(pieces.findings.list(), [&](const Finding& finding) {
            return finding.entry == "b" && finding.what.contains(c.what);
        })) << c.what;
        EXPECT_EQ(pieces.crc, crc32_update(0, base::as_bytes(bad))) << c.what;
        EXPECT_EQ(whole.crc, pieces.crc);
        // Where the data ends within a tail, its CRC is not known; that it ends there is a finding.
        EXPECT_LE(pieces.findings.total(), whole.findings.total()) << c.what;
        EXPECT_GE(pieces.findings.total() + 1, whole.findings.total()) << c.what;
    }
}

// What no entry has is a finding, and the CRC of the whole is right all the same.
TEST(BodyPlanTest, GapsAreReadToo) {
    const std::string good = zip_test::build_archive({{"a", "data"}});
    const std::size_t end_at = good.size() - kEndSize;
    std::string bad = good;
    bad.insert(end_at, noise(1, 5000));
    for (const std::uint64_t piece : {std::uint64_t{100}, 100 * kKiB}) {
        const auto verdict = zip_test::verify(bad, {.piece = piece});
        EXPECT_EQ(verdict.findings.total(), 1U);
        EXPECT_EQ(verdict.crc, crc32_update(0, base::as_bytes(bad)));
    }
    // Bytes in front, and offsets that know of them.
    std::string shifted = noise(2, 200) + good;
    const std::size_t central = shifted.find("PK\1\2");
    shifted[central + 42] = static_cast<char>(200);
    shifted[shifted.size() - kEndSize + 16] = static_cast<char>(central);
    const auto verdict = zip_test::verify(shifted, {.piece = 100});
    ASSERT_EQ(verdict.findings.total(), 1U);
    EXPECT_EQ(verdict.findings.list()[0].what, "200 bytes before the first entry");
    EXPECT_EQ(verdict.crc, crc32_update(0, base::as_bytes(shifted)));
}

}  // namespace
}  // namespace zip
