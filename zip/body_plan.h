// How the body of an archive is read: cut into pieces of about the same size, in order of offset,
// to be scanned in any order and on any thread, and then put together again. No I/O.
//
//   BodyPlan plan(verifier, piece_size);   BodyTally tally(verifier);
//   while (auto piece = plan.next()) {
//       PieceScanner scanner(verifier, *piece);            // on any thread
//       scanner.feed(<the bytes of piece->range>);         // in pieces of any size
//       tally.add(scanner.finish());
//   }
//
// Many small entries make one piece. An entry larger than a piece makes many: the first is scanned,
// of the others only the CRC is wanted. What lies before the first entry and behind the directory
// is read too, so that the CRC of the whole archive comes out, although it is a finding. The
// verifier has been fed all it wanted; it is only read and must outlive all of these.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "zip/body_scanner.h"

namespace zip {

struct BodyPiece {
    enum class Kind : std::uint8_t {
        gap,   // bytes that no entry has
        run,   // the whole entries [first, last)
        head,  // the beginning of the entry `first`
        tail,  // a later range of the entry `first`
    };
    Kind kind = Kind::gap;
    ByteRange range;
    std::uint64_t first = 0, last = 0;
};

// Not thread-safe. Costs nothing but the calls.
class BodyPlan {
  public:
    BodyPlan(const Verifier& verifier, std::uint64_t piece_size);
    std::optional<BodyPiece> next();

  private:
    BodyPiece next_gap(std::uint64_t end);
    BodyPiece next_of_entries();

    const Verifier& verifier_;
    const std::uint64_t piece_size_;
    const std::uint64_t head_size_;  // holds any local header
    std::uint64_t position_ = 0;     // where the next piece begins
    std::uint64_t entry_ = 0;
};

struct PieceResult {
    BodyPiece piece;
    std::uint32_t crc32 = 0;               // of its bytes
    std::unique_ptr<BodyScanner> scanner;  // of a run or head
};

// Not thread-safe; the result may go to another thread.
class PieceScanner {
  public:
    PieceScanner(const Verifier& verifier, const BodyPiece& piece);
    void feed(base::ByteView bytes);
    PieceResult finish();

  private:
    PieceResult result_;
};

// Takes the results in any order. Not thread-safe. Memory: a scanner for each large entry of which
// some pieces are missing, and at most kFindingsMax findings.
class BodyTally {
  public:
    explicit BodyTally(const Verifier& verifier);
    void add(PieceResult result);

    // After the last piece.
    std::uint32_t crc32() const { return crc_; }  // of the whole archive
    const Findings& findings() const { return findings_; }

  private:
    struct LargeEntry {
        std::unique_ptr<BodyScanner> scanner;  // once its head is there
        std::uint64_t tail_size = 0;           // of the tails that are there
        std::uint32_t tail_crc = 0;
    };
    void add_to_large(PieceResult& result);

    const Verifier& verifier_;
    std::unordered_map<std::uint64_t, LargeEntry> large_;
    std::uint32_t crc_;
    Findings findings_;
};

}  // namespace zip
