#include "zip/central_directory.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "zip/records.h"

namespace zip {
namespace {

// Copies what [offset, offset + piece) and [out_offset, out_offset + out) share.
void copy_overlap(base::ByteView piece, std::uint64_t offset, base::Bytes out,
                  std::uint64_t out_offset) {
    const std::uint64_t begin = std::max(offset, out_offset);
    const std::uint64_t end = std::min(offset + piece.size(), out_offset + out.size());
    if (begin >= end) return;
    std::memcpy(out.data() + (begin - out_offset), piece.data() + (begin - offset), end - begin);
}

}  // namespace

CentralDirectory::CentralDirectory(const Layout& layout, const EntryList& entries,
                                   std::span<const std::uint32_t> crcs, std::string_view comment)
    : layout_(layout), entries_(entries), crcs_(crcs), next_offset_(layout.cd_offset()) {
    CHECK(entries.count() == layout.count() && crcs.size() == layout.count());
    CHECK(layout.end_records_offset() + end_records_size(layout.directory(), comment.size()) ==
          layout.archive_size());
    end_records_.resize(layout.archive_size() - layout.end_records_offset());
    encode_end_records(layout.directory(), comment, end_records_);
}

void CentralDirectory::encode(std::uint64_t index, base::Bytes out) const {
    const bool is_wide = index > 0 && is_wide_after(layout_.data_size(index - 1));
    encode_central_directory_header(entries_.entry(index), crcs_[index],
                                    layout_.header_offset(index), out, is_wide);
}

void CentralDirectory::read(std::uint64_t offset, base::Bytes out) {
    const std::uint64_t end = offset + out.size();
    const std::uint64_t headers_end = layout_.end_records_offset();
    CHECK(offset >= layout_.cd_offset() && end <= layout_.archive_size());
    if (offset != next_offset_) {
        next_entry_ = offset < headers_end ? layout_.cd_entry_at(offset) : layout_.count();
    }
    next_offset_ = end;
    while (next_entry_ < layout_.count()) {
        const std::uint64_t header_begin = layout_.cd_entry_offset(next_entry_);
        const std::uint64_t header_end = layout_.cd_entry_offset(next_entry_ + 1);
        if (header_begin >= end) break;
        if (header_begin >= offset && header_end <= end) {
            encode(next_entry_, out.subspan(header_begin - offset, header_end - header_begin));
        } else {
            cut_.resize(header_end - header_begin);
            encode(next_entry_, cut_);
            copy_overlap(cut_, header_begin, out, offset);
        }
        if (header_end > end) break;  // the next range needs the rest of this one
        ++next_entry_;
    }
    copy_overlap(end_records_, headers_end, out, offset);
}

}  // namespace zip
