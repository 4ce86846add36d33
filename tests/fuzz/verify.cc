// Archives to be verified: whatever the bytes and however they are cut, the verdict is the same,
// bounded, and no damage to a good archive goes unnoticed.
//
// Input: the last byte says which of two. Even: an archive, then how it is fed. Odd: what a good
// archive is made of and what is then done to it (good_archive.h).
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz_input.h"
#include "good_archive.h"
#include "zip/body_plan.h"
#include "zip/crc32.h"
#include "zip/verifier.h"

namespace {

using fuzz::FuzzInput;

constexpr std::uint64_t kPiecesMax = 512;  // about so many of a large entry

struct Shape {
    zip::VerifyOptions options;
    // Bytes at a time, over and over; of large archives more. 0 and none: all there are.
    std::vector<std::uint64_t> feeds;
    std::uint64_t piece_size = 1 << 20;
    bool backwards = false;
};

struct Verdict {
    zip::Findings findings;
    bool has_directory = false;
    bool is_split = false;  // an entry was scanned in more than one piece
    std::uint64_t entries = 0;
    std::uint32_t crc = 0;

    bool same_findings(const Verdict& other) const {
        return findings.total() == other.findings.total() &&
               findings.list() == other.findings.list();
    }
};

// The start of `bytes` that is fed next.
class Feeder {
  public:
    Feeder(const Shape& shape, std::uint64_t archive_size)
        : feeds_(shape.feeds), scale_(1 + archive_size / 4096) {}
    base::ByteView next(base::ByteView bytes) {
        const std::uint64_t size = feeds_.empty() ? 0 : scale_ * feeds_[turn_++ % feeds_.size()];
        return bytes.first(size == 0 ? bytes.size() : std::min<std::uint64_t>(size, bytes.size()));
    }

  private:
    const std::vector<std::uint64_t>& feeds_;
    const std::uint64_t scale_;
    std::size_t turn_ = 0;
};

base::ByteView at(std::string_view archive, const zip::ByteRange& range) {
    CHECK(range.size > 0 && range.offset <= archive.size());
    CHECK(range.size <= archive.size() - range.offset);
    return base::as_bytes(archive).subspan(range.offset, range.size);
}

void check_findings(const zip::Findings& findings, std::uint64_t archive_size) {
    CHECK(findings.list().size() == std::min<std::uint64_t>(findings.total(), zip::kFindingsMax));
    CHECK(std::ranges::is_sorted(findings.list()));
    for (const zip::Finding& finding : findings.list()) {
        CHECK(finding.offset <= archive_size && !finding.what.empty());
        CHECK(finding.what.size() <= zip::kFindingTextMax + 3);
        CHECK(finding.entry.size() <= zip::kFindingTextMax + 3);
    }
}

// Pieces come by offset; with directory and end records they are the archive, each byte once.
std::vector<zip::BodyPiece> pieces_of(const zip::Verifier& verifier, std::uint64_t piece_size) {
    std::vector<zip::BodyPiece> pieces;
    zip::BodyPlan plan(verifier, piece_size);
    std::uint64_t position = 0;
    while (const auto piece = plan.next()) {
        if (piece->range.offset != position) {
            CHECK(position == verifier.body_size());
            CHECK(piece->range.offset == verifier.gap_behind_directory().offset);
        }
        position = piece->range.offset + piece->range.size;
        pieces.push_back(*piece);
    }
    const zip::ByteRange gap = verifier.gap_behind_directory();
    const bool ends_in_gap = position == gap.offset + gap.size && gap.size > 0;
    CHECK(!verifier.has_directory() || ends_in_gap || position == verifier.body_size());
    return pieces;
}

Verdict verify(std::string_view archive, const Shape& shape) {
    Feeder feeder(shape, archive.size());
    zip::Verifier verifier(archive.size(), shape.options);
    while (const auto range = verifier.next_range())
        verifier.feed(feeder.next(at(archive, *range)));

    Verdict verdict;
    std::vector<zip::PieceResult> results;
    const std::uint64_t piece_size = std::max(shape.piece_size, archive.size() / kPiecesMax);
    for (const zip::BodyPiece& piece : pieces_of(verifier, piece_size)) {
        verdict.is_split |= piece.kind == zip::BodyPiece::Kind::head;
        zip::PieceScanner scanner(verifier, piece);
        for (base::ByteView rest = at(archive, piece.range); !rest.empty();) {
            const base::ByteView fed = feeder.next(rest);
            scanner.feed(fed);
            rest = rest.subspan(fed.size());
        }
        results.push_back(scanner.finish());
    }
    if (shape.backwards) std::ranges::reverse(results);
    zip::BodyTally tally(verifier);
    for (zip::PieceResult& result : results) tally.add(std::move(result));

    verdict.findings = tally.findings();
    verdict.has_directory = verifier.has_directory();
    verdict.entries = verifier.count();
    verdict.crc = tally.crc32();
    check_findings(verdict.findings, archive.size());
    if (verdict.has_directory) {
        CHECK(verdict.crc == zip::crc32_update(0, base::as_bytes(archive)));
    } else {
        CHECK(!verdict.findings.empty() && verdict.entries == 0 && results.empty());
    }
    return verdict;
}

Shape draw_shape(FuzzInput& input) {
    Shape shape;
    const unsigned bits = input.byte();
    shape.options.check_names = (bits & 1) == 0;
    shape.backwards = (bits & 2) != 0;
    shape.piece_size = (bits & 4) != 0 ? input.below(2000) : input.below(1 << 18);
    const std::uint64_t feeds = input.below(6);
    for (std::uint64_t i = 0; i < feeds; ++i) shape.feeds.push_back(input.byte());
    return shape;
}

// The verdict on what is fed whole.
Verdict check_shapes(std::string_view archive, const Shape& shape) {
    Verdict whole = verify(archive, {.options = shape.options, .feeds = {}});
    const Verdict cut = verify(archive, shape);
    CHECK(whole.has_directory == cut.has_directory && whole.entries == cut.entries);
    CHECK(whole.findings.empty() == cut.findings.empty());
    if (whole.is_split == cut.is_split) CHECK(whole.same_findings(cut));
    return whole;
}

void check_damage(FuzzInput& input, const Shape& shape) {
    const fuzz::GoodArchive good = fuzz::draw_good_archive(input);
    const Verdict verdict = check_shapes(good.bytes, shape);
    CHECK(verdict.findings.empty() && verdict.entries == good.entries);

    const fuzz::Damage damage = fuzz::draw_damage(input, good);
    const Verdict damaged = check_shapes(damage.bytes, shape);
    CHECK(!damage.must_be_found || !damaged.findings.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzInput input(data, size);
    const bool is_built = input.flag();
    const Shape shape = draw_shape(input);
    if (is_built) {
        check_damage(input, shape);
    } else {
        check_shapes(input.rest(), shape);
    }
    return 0;
}
