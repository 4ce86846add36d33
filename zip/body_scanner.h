// Scans a run of entries: local headers against the directory, the CRC of the data, no byte
// between them. Fed in order, in pieces of any size, without I/O.
//
// Of the data of a large entry it need not see the bytes: when kLocalFileHeaderSizeMax bytes of an
// entry have been fed, the CRC of the rest will do (feed_rest), so ranges of it may be read side by
// side. Not thread-safe; the verifier must outlive it and is only read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "zip/findings.h"
#include "zip/verifier.h"

namespace zip {

class BodyScanner {
  public:
    // Of the entries [first, last).
    BodyScanner(const Verifier& verifier, std::uint64_t first, std::uint64_t last);

    ByteRange range() const { return {begin_, end_ - begin_}; }
    std::uint64_t missing() const { return end_ - position_; }  // bytes not fed yet
    void feed(base::ByteView bytes);                            // the range's bytes in order
    // Instead of all that is missing of the last entry: its CRC.
    void feed_rest(std::uint32_t crc);
    void finish();              // after the last piece: reports what was not fed as missing
    std::uint32_t crc() const;  // of all bytes fed
    const Findings& findings() const { return findings_; }

  private:
    // rest: what lies between data and the next entry
    enum class In : std::uint8_t { header, data, rest };

    void open_entry();
    void close_entry();
    std::size_t feed_header(base::ByteView bytes);
    void end_header();
    void end_data();
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
    bool is_data_crc_known_ = true;
    std::vector<std::byte> header_;  // what has come of its local header
    std::uint32_t data_crc_ = 0;
    std::uint32_t crc_ = 0;  // up to the entry's data
    Findings findings_;
};

}  // namespace zip
