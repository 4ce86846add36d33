#include "zip/body_plan.h"

#include <algorithm>

#include "base/check.h"
#include "zip/crc32.h"

namespace zip {
namespace {

// What bytes with this CRC add to the CRC of something that goes on for `bytes_after` after them:
// the CRC of a whole is the sum (xor) of what its parts add, in any order.
std::uint32_t crc32_share(std::uint32_t crc, std::uint64_t bytes_after) {
    return crc32_combine(crc, 0, bytes_after);
}

std::uint64_t end_of(const ByteRange& range) { return range.offset + range.size; }

}  // namespace

BodyPlan::BodyPlan(const Verifier& verifier, std::uint64_t piece_size)
    : verifier_(verifier),
      piece_size_(std::max<std::uint64_t>(1, piece_size)),
      head_size_(std::max(piece_size, kLocalFileHeaderSizeMax)) {}

std::optional<BodyPiece> BodyPlan::next() {
    if (!verifier_.has_directory()) return std::nullopt;
    if (position_ < verifier_.begin(0)) return next_gap(verifier_.begin(0));
    if (entry_ < verifier_.count()) return next_of_entries();
    const ByteRange behind = verifier_.gap_behind_directory();
    position_ = std::max(position_, behind.offset);
    if (position_ < end_of(behind)) return next_gap(end_of(behind));
    return std::nullopt;
}

BodyPiece BodyPlan::next_gap(std::uint64_t end) {
    const std::uint64_t size = std::min(end - position_, piece_size_);
    const BodyPiece piece{BodyPiece::Kind::gap, {position_, size}, 0, 0};
    position_ += size;
    return piece;
}

BodyPiece BodyPlan::next_of_entries() {
    const std::uint64_t begin = verifier_.begin(entry_);
    const std::uint64_t end = verifier_.begin(entry_ + 1);
    BodyPiece piece{BodyPiece::Kind::run, {position_, 0}, entry_, entry_ + 1};
    if (position_ > begin) {
        piece.kind = BodyPiece::Kind::tail;
        position_ += std::min(end - position_, piece_size_);
    } else if (end - begin > head_size_) {
        piece.kind = BodyPiece::Kind::head;
        position_ += head_size_;
    } else {
        while (piece.last < verifier_.count() &&
               verifier_.begin(piece.last + 1) - begin <= piece_size_) {
            ++piece.last;
        }
        position_ = verifier_.begin(piece.last);
    }
    piece.range.size = position_ - piece.range.offset;
    if (position_ == verifier_.begin(piece.last)) entry_ = piece.last;
    return piece;
}

PieceScanner::PieceScanner(const Verifier& verifier, const BodyPiece& piece)
    : result_{piece, 0, {}} {
    if (piece.kind == BodyPiece::Kind::run || piece.kind == BodyPiece::Kind::head)
        result_.scanner = std::make_unique<BodyScanner>(verifier, piece.first, piece.last);
}

void PieceScanner::feed(base::ByteView bytes) {
    if (result_.scanner) {
        result_.scanner->feed(bytes);
    } else {
        result_.crc32 = crc32_update(result_.crc32, bytes);
    }
}

PieceResult PieceScanner::finish() {
    if (result_.scanner) {
        if (result_.piece.kind == BodyPiece::Kind::run) result_.scanner->finish();
        result_.crc32 = result_.scanner->crc();
    }
    return std::move(result_);
}

BodyTally::BodyTally(const Verifier& verifier)
    : verifier_(verifier), crc_(verifier.directory_crc_share()) {
    findings_.merge(verifier.findings());
}

void BodyTally::add(PieceResult result) {
    const BodyPiece& piece = result.piece;
    crc_ ^= crc32_share(result.crc32, verifier_.archive_size() - end_of(piece.range));
    if (piece.kind == BodyPiece::Kind::run) {
        findings_.merge(result.scanner->findings());
    } else if (piece.kind != BodyPiece::Kind::gap) {
        add_to_large(result);
    }
}

void BodyTally::add_to_large(PieceResult& result) {
    const BodyPiece& piece = result.piece;
    LargeEntry& large = large_[piece.first];
    if (piece.kind == BodyPiece::Kind::head) {
        large.scanner = std::move(result.scanner);
    } else {
        const std::uint64_t after = verifier_.begin(piece.last) - end_of(piece.range);
        large.tail_size += piece.range.size;
        large.tail_crc ^= crc32_share(result.crc32, after);
    }
    if (!large.scanner || large.scanner->missing() != large.tail_size) return;
    large.scanner->feed_rest(large.tail_crc);
    large.scanner->finish();
    findings_.merge(large.scanner->findings());
    large_.erase(piece.first);
}

}  // namespace zip
