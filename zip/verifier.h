// Checks a whole archive of stored entries, without I/O: it says which bytes it wants and is fed
// them.
//
//   Verifier verifier(archive_size);
//   while (auto range = verifier.next_range()) verifier.feed(<the bytes of *range>);
//   // that was the tail, then the directory; now the bodies, in any order, on any thread:
//   for each run [first, last) of entries:
//       BodyScanner scanner(verifier, first, last);
//       feed it the bytes of scanner.range() in pieces, then finish()
//
// Found: a directory that is broken or does not join up with the end records; names that are unsafe
// or clash; local headers that differ from the directory; gaps and overlaps; data whose CRC
// differs. Not found, because the format holds them once only: changed permission bits, or a
// changed comment; the CRC of the whole archive tells those. About 200 bytes an entry. Any input is
// safe: what is wrong becomes a Finding, at most kFindingsMax of them kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "zip/findings.h"
#include "zip/name_set.h"
#include "zip/reader.h"

namespace zip {

struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool operator==(const ByteRange&) const = default;
};

// What is wrong with a directory header by itself, and where a local header differs from it.
void check(const CentralDirectoryHeader& header, std::uint64_t offset, Findings& findings);
void compare(const LocalFileHeader& local, const HeaderFields& central, std::uint64_t local_offset,
             Findings& findings);

// Not thread-safe while it is fed; read-only afterwards, so that many BodyScanners may share it.
class Verifier {
  public:
    static constexpr std::uint64_t kRangeSizeMax = 1 << 20;

    explicit Verifier(std::uint64_t archive_size);

    // The bytes wanted next, at most kRangeSizeMax; none once the directory is known, or known to
    // be unreadable.
    std::optional<ByteRange> next_range() const;
    void feed(base::ByteView bytes);  // exactly those of next_range()

    // After the last range. Without a readable directory there is no body to scan: body_size() and
    // count() are 0.
    bool has_directory() const { return state_ == State::done; }
    std::uint64_t count() const { return entries_.size(); }
    std::uint64_t body_size() const { return entries_.empty() ? 0 : end_.extent.cd_offset; }
    const HeaderFields& entry(std::uint64_t i) const {
        return entries_[i].fields;
    }  // by offset in the archive
    // Entry i has [begin(i), begin(i + 1)) for its local header and data; begin(count()) is
    // body_size().
    std::uint64_t begin(std::uint64_t i) const;
    std::uint32_t directory_crc() const {
        return directory_crc_;
    }  // of the bytes [body_size(), archive size)
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

    std::uint64_t archive_size_;
    State state_ = State::tail;
    EndRecords end_;
    std::uint32_t end_crc_ = 0;       // of the end records
    std::vector<std::byte> pending_;  // the start of a header that the last range cut
    std::uint64_t directory_read_ = 0;
    std::uint32_t directory_crc_ = 0;
    NamePool pool_;
    NameSet names_{pool_, OnDuplicate::fail};
    std::vector<Slot> entries_;
    std::uint64_t headers_read_ = 0;
    Findings findings_;
};

// Scans the local headers and the data of the entries [first, last). The verifier must outlive it.
// Not thread-safe.
class BodyScanner {
  public:
    BodyScanner(const Verifier& verifier, std::uint64_t first, std::uint64_t last);

    ByteRange range() const { return {begin_, end_ - begin_}; }
    void feed(base::ByteView bytes);  // the range's bytes in order, in pieces of any size
    void finish();                    // after the last piece: reports what was not fed as missing
    std::uint32_t crc() const { return crc_; }  // of all bytes fed, to combine into the archive's
    const Findings& findings() const { return findings_; }

  private:
    enum class In : std::uint8_t {
        header,
        data,
        rest
    };  // rest: what lies between data and the next entry

    void open_entry();
    void close_entry();
    std::size_t feed_header(base::ByteView bytes);
    void end_header();
    void report(std::uint64_t offset, std::string what);

    const Verifier& verifier_;
    std::uint64_t last_;
    std::uint64_t begin_;
    std::uint64_t end_;
    std::uint64_t position_;       // of the next byte, in the archive
    std::uint64_t entry_;          // being scanned
    std::uint64_t entry_end_ = 0;  // where the next entry begins
    std::uint64_t data_begin_ = 0;
    std::uint64_t data_end_ = 0;
    In in_ = In::header;
    std::vector<std::byte> header_;  // what has come of its local header
    std::uint32_t data_crc_ = 0;
    std::uint32_t crc_ = 0;  // up to the entry's data
    Findings findings_;
};

}  // namespace zip
