// Checks a whole archive of stored entries, without I/O: it says which bytes it wants and is fed
// them.
//
//   Verifier verifier(archive_size);
//   while (auto range = verifier.next_range()) verifier.feed(<the bytes of *range>);
//   // that was the tail, then the directory; now the body, in any order: see body_plan.h
//
// Found: a directory that is broken or does not join up with the end records; names that are unsafe
// or clash; local headers that differ from the directory; gaps and overlaps; data whose CRC
// differs. Not found, because the format holds it once only: a changed archive comment; the CRC of
// the whole archive tells. About 200 bytes an entry. Any input is safe: what is wrong becomes a
// Finding, at most kFindingsMax of them kept, and time and memory are linear in the bytes fed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "zip/findings.h"
#include "zip/header_check.h"
#include "zip/name_pool.h"
#include "zip/name_set.h"
#include "zip/reader.h"

namespace zip {

struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool operator==(const ByteRange&) const = default;
};

// Not thread-safe while it is fed; read-only afterwards, so that many scanners may share it.
class Verifier {
  public:
    static constexpr std::uint64_t kRangeSizeMax = 16 << 20;
    // Of a directory that is read at all: some 10 GB of memory at most.
    static constexpr std::uint64_t kEntriesMax = 50'000'000;
    static constexpr std::uint64_t kDirectorySizeMax = 8ULL << 30;

    explicit Verifier(std::uint64_t archive_size, VerifyOptions options = {});

    // The bytes wanted next, at most kRangeSizeMax; none once the directory is known, or known to
    // be unreadable.
    std::optional<ByteRange> next_range() const;
    // The first bytes of next_range(), as many as have come.
    void feed(base::ByteView bytes);

    // After the last range. Without a readable directory there is no body to scan: body_size() and
    // count() are 0.
    bool has_directory() const { return state_ == State::done; }
    std::uint64_t archive_size() const { return archive_size_; }
    std::uint64_t count() const { return entries_.size(); }
    std::uint64_t body_size() const { return has_directory() ? end_.extent.cd_offset : 0; }
    // By offset in the archive.
    const HeaderFields& entry(std::uint64_t i) const { return entries_[i].fields; }
    // Entry i has [begin(i), begin(i + 1)) for its local header and data; begin(count()) is
    // body_size().
    std::uint64_t begin(std::uint64_t i) const;
    ByteRange gap_behind_directory() const;  // before the end records; none in a good archive
    // What directory and end records add to the CRC of the archive (crc32_share in body_plan.cc).
    std::uint32_t directory_crc_share() const;
    const Findings& findings() const { return findings_; }

  private:
    enum class State : std::uint8_t { tail, directory, done, hopeless };
    struct Slot {
        HeaderFields fields;
        std::uint64_t local_offset;
    };
    void give_up(std::uint64_t offset, std::string what);
    void feed_tail(base::ByteView tail);
    void feed_directory(base::ByteView bytes);
    void take(const CentralDirectoryHeader& header, std::uint64_t offset);
    void finish_directory();

    const std::uint64_t archive_size_;
    const VerifyOptions options_;
    State state_ = State::tail;
    EndRecords end_;
    std::uint32_t end_crc_ = 0;       // of the end records
    std::vector<std::byte> pending_;  // of the tail, or the start of a header that was cut
    std::uint64_t directory_read_ = 0;
    std::uint32_t directory_crc_ = 0;
    NamePool pool_;
    NameSet names_;
    std::vector<Slot> entries_;
    std::uint64_t headers_read_ = 0;
    bool in_order_ = true;  // so far: the headers, by the offsets they name
    Findings findings_;
};

}  // namespace zip
