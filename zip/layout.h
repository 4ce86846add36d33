// A Layout is every offset of an archive before a byte of it exists: local headers, data, central
// directory, end records, exact size. It depends only on the entries' order, names, sizes and
// times, never on CRCs.
//
//   [LocalFileHeader 0][data 0] ... [LocalFileHeader n-1][data n-1][central directory][end records]
//
// Immutable once created, so any thread may read it. It keeps nothing of the entries and costs 16
// bytes for each; create() is O(n), every question O(1), the two finders O(log n). Fails with
// `invalid` (a name too long, a directory with data, a comment too long) or `exhausted` (more than
// archive_size_max, by default what a multipart upload holds).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "zip/entry.h"
#include "zip/records.h"

namespace zip {

inline constexpr std::uint64_t kArchiveSizeMax =
    10'000ULL * (5ULL << 30);  // 10,000 parts of 5 GiB: 48.8 TiB

// An archive comment must fit its 16-bit length, and must not contain the signature "PK\5\6":
// readers search for the end record from the back and would take the comment for it.
base::Status check_comment(std::string_view comment);

struct LayoutOptions {
    std::size_t comment_size = 0;
    std::uint64_t archive_size_max = kArchiveSizeMax;
};

class Layout {
  public:
    static base::Result<Layout> create(const EntryList& entries, LayoutOptions options = {});

    std::uint64_t count() const { return rows_.size() - 1; }

    // Entry i occupies [header_offset(i), end(i)): its LocalFileHeader, then its data from
    // data_offset(i) on.
    std::uint64_t header_offset(std::uint64_t i) const { return rows_[i].header_offset; }
    std::size_t header_size(std::uint64_t i) const { return rows_[i].packed & kSizeMask; }
    std::uint64_t data_offset(std::uint64_t i) const { return header_offset(i) + header_size(i); }
    std::uint64_t data_size(std::uint64_t i) const { return end(i) - data_offset(i); }
    std::uint64_t end(std::uint64_t i) const { return rows_[i + 1].header_offset; }

    // All offsets are from the start of the archive; cd_entry_offset(count()) is the end of the
    // directory.
    std::uint64_t cd_offset() const { return rows_.back().header_offset; }
    std::uint64_t cd_size() const { return rows_.back().packed >> kSizeBits; }
    std::uint64_t cd_entry_offset(std::uint64_t i) const {
        return cd_offset() + (rows_[i].packed >> kSizeBits);
    }
    DirectoryExtent directory() const { return {count(), cd_offset(), cd_size()}; }
    std::uint64_t end_records_offset() const { return cd_offset() + cd_size(); }
    std::uint64_t archive_size() const { return archive_size_; }

    // The entry whose header or data holds the byte at `offset` < cd_offset().
    std::uint64_t entry_at(std::uint64_t offset) const;
    // The entry whose CentralDirectoryHeader holds the byte at `offset` in [cd_offset(),
    // end_records_offset()).
    std::uint64_t cd_entry_at(std::uint64_t offset) const;

  private:
    // One row per entry and a closing one. packed = offset within the central directory << 16 |
    // size of the LocalFileHeader: the first stays below 2^48 because the archive does, the second
    // below 2^16 by kNameSizeMax.
    struct Row {
        std::uint64_t header_offset;
        std::uint64_t packed;
    };
    static constexpr int kSizeBits = 16;
    static constexpr std::uint64_t kSizeMask = (1ULL << kSizeBits) - 1;

    Layout() = default;
    std::vector<Row> rows_;
    std::uint64_t archive_size_ = 0;
};

}  // namespace zip
