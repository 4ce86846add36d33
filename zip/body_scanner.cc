#include "zip/body_scanner.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/check.h"
#include "zip/crc32.h"
#include "zip/header_check.h"

namespace zip {

BodyScanner::BodyScanner(const Verifier& verifier, std::uint64_t first, std::uint64_t last)
    : verifier_(verifier),
      last_(last),
      begin_(verifier.begin(first)),
      end_(verifier.begin(last)),
      position_(begin_),
      entry_(first) {
    CHECK(first <= last && last <= verifier.count());
    if (entry_ < last_) open_entry();
}

void BodyScanner::feed(base::ByteView bytes) {
    CHECK(bytes.size() <= missing());
    while (!bytes.empty()) {
        while (position_ == entry_end_) {
            close_entry();
            open_entry();
        }
        std::size_t taken = 0;
        if (in_ == In::header) {
            taken = feed_header(bytes);
        } else {
            const std::uint64_t until = in_ == In::data ? data_end_ : entry_end_;
            taken =
                static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), until - position_));
            std::uint32_t& crc = in_ == In::data ? data_crc_ : crc_;
            crc = crc32_update(crc, bytes.first(taken));
            position_ += taken;
            if (in_ == In::data && position_ == data_end_) end_data();
        }
        bytes = bytes.subspan(taken);
    }
}

void BodyScanner::feed_rest(std::uint32_t crc) {
    CHECK(entry_ + 1 == last_ && in_ != In::header);
    const std::uint64_t size = missing();
    if (in_ == In::data && data_end_ == end_) {
        data_crc_ = crc32_combine(data_crc_, crc, size);
        position_ = end_;
        return end_data();
    }
    // The data ends somewhere in there. That is a finding already.
    is_data_crc_known_ = in_ == In::rest;
    if (in_ == In::data) end_data();
    crc_ = crc32_combine(crc_, crc, size);
    position_ = end_;
}

void BodyScanner::finish() {
    if (position_ < end_) {
        return findings_.add(position_, {}, fmt::format("{} bytes are missing", missing()));
    }
    while (entry_ < last_) {
        close_entry();
        if (entry_ < last_) open_entry();
    }
}

std::uint32_t BodyScanner::crc() const {
    return in_ == In::data ? crc32_combine(crc_, data_crc_, position_ - data_begin_) : crc_;
}

void BodyScanner::open_entry() {
    entry_end_ = verifier_.begin(entry_ + 1);
    in_ = In::header;
    header_.clear();
    data_begin_ = data_end_ = 0;
    data_crc_ = 0;
    is_data_crc_known_ = true;
}

// Takes up to the end of the header's fixed part, then up to the end that its lengths give.
std::size_t BodyScanner::feed_header(base::ByteView bytes) {
    const std::uint64_t begin = verifier_.begin(entry_);
    const std::size_t extent = local_file_header_extent(header_);
    const std::size_t wanted = extent == 0 ? kLocalFileHeaderFixedSize : extent;
    if (wanted > entry_end_ - begin) {
        report(begin, "the local header runs into the next entry");
        in_ = In::rest;
        return 0;
    }
    const std::size_t taken = std::min(bytes.size(), wanted - header_.size());
    header_.insert(header_.end(), bytes.begin(),
                   bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    crc_ = crc32_update(crc_, bytes.first(taken));
    position_ += taken;
    if (header_.size() == local_file_header_extent(header_)) end_header();
    return taken;
}

void BodyScanner::end_header() {
    const std::uint64_t begin = verifier_.begin(entry_);
    const HeaderFields& central = verifier_.entry(entry_);
    const base::Result<LocalFileHeader> local = parse_local_file_header(header_);
    in_ = In::rest;
    if (!local) return report(begin, local.error().detail);
    compare(*local, central, begin, findings_);
    const std::uint64_t room = entry_end_ - position_;
    if (central.compressed_size != room) {
        report(position_,
               fmt::format(
                   "the data has {} bytes, but the next header or the directory comes after {}",
                   central.compressed_size, room));
    }
    data_begin_ = position_;
    data_end_ = position_ + std::min(central.compressed_size, room);
    if (data_end_ > data_begin_) in_ = In::data;
}

void BodyScanner::end_data() {
    crc_ = crc();
    in_ = In::rest;
}

void BodyScanner::close_entry() {
    const HeaderFields& central = verifier_.entry(entry_);
    if (in_ == In::header) {
        report(verifier_.begin(entry_), "two entries have the same local header");
    } else if (data_begin_ != 0 && is_data_crc_known_ && data_crc_ != central.crc) {
        report(data_begin_, fmt::format("the data's CRC-32 is {:08x}, the directory says {:08x}",
                                        data_crc_, central.crc));
    }
    ++entry_;
}

void BodyScanner::report(std::uint64_t offset, std::string what) {
    findings_.add(offset, verifier_.entry(entry_).name, std::move(what));
}

}  // namespace zip
