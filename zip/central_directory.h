// A CentralDirectory writes any byte range of an archive's end: central directory and end records.
// The finisher fills part memory with it block by block; a header may be cut by the edge of a
// range. It never holds the whole directory.
//
// It refers to the layout, the entries and the CRCs (crcs[i] belongs to entry i), which must
// outlive it and be final. It remembers where the last range ended: consecutive ranges cost O(their
// bytes), any other start adds O(log n). Not thread-safe because of that; several of them over the
// same data are independent.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "zip/entry.h"
#include "zip/layout.h"

namespace zip {

class CentralDirectory {
  public:
    // `comment` has the size the layout was created with; it is copied.
    CentralDirectory(const Layout& layout, const EntryList& entries,
                     std::span<const std::uint32_t> crcs, std::string_view comment = {});

    // Fills `out` with the archive's bytes [offset, offset + out.size()), which must lie within
    // [layout.cd_offset(), layout.archive_size()].
    void read(std::uint64_t offset, base::Bytes out);

  private:
    void encode(std::uint64_t index, base::Bytes out) const;

    const Layout& layout_;
    const EntryList& entries_;
    std::span<const std::uint32_t> crcs_;
    std::vector<std::byte> end_records_;
    std::vector<std::byte> cut_;     // the one header that straddles an edge
    std::uint64_t next_offset_ = 0;  // where the last range ended
    std::uint64_t next_entry_ = 0;   // the entry whose header holds next_offset_
};

}  // namespace zip
