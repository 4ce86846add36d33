// An Entry is what the ZIP records need to know of one file or directory, except its CRC, which is
// known last.
//
// The name is final (see names.h): relative, '/' between components, a directory's ends in '/'. It
// is a view: whoever made the Entry keeps the bytes. An EntryList is how Layout and
// CentralDirectory read entries, so that the planner keeps them in whatever compact form it likes;
// entry(i) is called in ascending order, must be cheap, and must give the same answer each time.
// Reading it from several threads is as safe as its implementation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/utf8.h"

namespace zip {

inline constexpr std::uint32_t kFileMode = 0100644;
inline constexpr std::uint32_t kDirectoryMode = 040755;
inline constexpr std::int64_t kDosEpochUnixS =
    315532800;  // 1980-01-01T00:00:00Z, the date of `timestamps: fixed`

struct Entry {
    std::string_view name;
    std::uint64_t size = 0;
    std::int64_t mtime_unix_s = kDosEpochUnixS;
    std::uint32_t unix_mode = kFileMode;  // st_mode with its type bits
    bool is_directory = false;
};

class EntryList {
  public:
    virtual ~EntryList() = default;
    virtual std::uint64_t count() const = 0;
    virtual Entry entry(std::uint64_t index) const = 0;
};

class SpanEntryList final : public EntryList {
  public:
    explicit SpanEntryList(std::span<const Entry> entries) : entries_(entries) {}
    std::uint64_t count() const override { return entries_.size(); }
    Entry entry(std::uint64_t index) const override { return entries_[index]; }

  private:
    std::span<const Entry> entries_;
};

// MS-DOS date and time (APPNOTE 4.4.6) of a UTC instant, two-second steps rounded down, clamped to
// 1980..2107.
struct DosDateTime {
    std::uint16_t date = 0;
    std::uint16_t time = 0;
};
DosDateTime dos_date_time(std::int64_t unix_s);

bool is_ascii(std::string_view text);
using base::is_valid_utf8;
using base::utf8_sequence_size;

// General purpose bit 11 (APPNOTE 4.4.4): set when the name is UTF-8 that is not plain ASCII.
bool has_utf8_flag(const Entry& entry);
// The extended timestamp (extra 0x5455) holds signed 32-bit seconds: 1901 to 2038. Others get only
// the DOS time.
bool has_extended_timestamp(const Entry& entry);

}  // namespace zip
