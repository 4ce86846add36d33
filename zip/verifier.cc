#include "zip/verifier.h"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "zip/crc32.h"

namespace zip {
Verifier::Verifier(std::uint64_t archive_size, VerifyOptions options)
    : archive_size_(archive_size),
      options_(options),
      names_(pool_, OnDuplicate::fail,
             options.check_names ? NameEquality::folded : NameEquality::exact) {
    if (archive_size < kEndSize) give_up(0, "it is too short for a ZIP archive");
}

std::optional<ByteRange> Verifier::next_range() const {
    if (state_ == State::tail) {
        const std::uint64_t size = std::min<std::uint64_t>(archive_size_, kTailSizeMax);
        return ByteRange{archive_size_ - size + pending_.size(), size - pending_.size()};
    }
    if (state_ == State::directory) {
        return ByteRange{end_.extent.cd_offset + directory_read_,
                         std::min(end_.extent.cd_size - directory_read_, kRangeSizeMax)};
    }
    return std::nullopt;
}

void Verifier::feed(base::ByteView bytes) {
    const std::optional<ByteRange> range = next_range();
    CHECK(range && bytes.size() <= range->size);
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    if (state_ == State::directory) return feed_directory(bytes);
    if (bytes.size() < range->size) return;
    const std::vector<std::byte> tail = std::exchange(pending_, {});
    feed_tail(tail);
}

std::uint64_t Verifier::begin(std::uint64_t i) const {
    return i < entries_.size() ? entries_[i].local_offset : body_size();
}

ByteRange Verifier::gap_behind_directory() const {
    const std::uint64_t begin = end_.extent.cd_offset + end_.extent.cd_size;
    return {begin, end_.offset - begin};
}

std::uint32_t Verifier::directory_crc_share() const {
    const std::uint64_t after = archive_size_ - end_.extent.cd_offset - end_.extent.cd_size;
    return crc32_combine(directory_crc_, end_crc_, after);
}

void Verifier::give_up(std::uint64_t offset, std::string what) {
    findings_.add(offset, {}, std::move(what));
    entries_.clear();
    state_ = State::hopeless;
}

void Verifier::feed_tail(base::ByteView tail) {
    const std::uint64_t tail_offset = archive_size_ - tail.size();
    base::Result<EndRecords> end = find_end_records(tail, archive_size_);
    if (!end) return give_up(tail_offset, std::move(end.error().detail));
    end_ = *end;
    end_.comment = {};  // it points into the tail
    if (end->comment.contains("PK\5\6")) {
        findings_.add(end_.offset, {}, "the archive comment has the signature of an end record");
    }
    end_crc_ = crc32_update(0, tail.subspan(end_.offset - tail_offset));
    const DirectoryExtent& extent = end_.extent;
    if (extent.entries > extent.cd_size / kCentralDirectoryHeaderFixedSize) {
        return give_up(end_.offset, "the directory is too small for the number of entries");
    }
    if (extent.entries > kEntriesMax || extent.cd_size > kDirectorySizeMax) {
        return give_up(end_.offset,
                       fmt::format("the directory has {} entries and {} bytes; no more than {} and "
                                   "{} are looked at",
                                   extent.entries, extent.cd_size, kEntriesMax, kDirectorySizeMax));
    }
    if (extent.cd_offset + extent.cd_size != end_.offset) {
        findings_.add(extent.cd_offset + extent.cd_size, {},
                      "a gap between directory and end records");
    }
    if (end_.has_zip64 && !extent.needs_zip64()) {
        findings_.add(end_.offset, {}, "Zip64 end records that no value needs");
    }
    if (end_.has_zip64 && !is_made_by_right(end_.version_made_by)) {
        findings_.add(end_.offset, {}, "the Zip64 end record's version made by is unknown");
    }
    state_ = State::directory;
    if (extent.cd_size == 0) finish_directory();
}

void Verifier::feed_directory(base::ByteView bytes) {
    directory_crc_ = crc32_update(directory_crc_, bytes);
    directory_read_ += bytes.size();
    std::uint64_t offset = end_.extent.cd_offset + directory_read_ - pending_.size();
    base::ByteView rest = pending_;
    while (!rest.empty()) {
        const std::size_t size = central_directory_header_extent(rest);
        if (size == 0 || size > rest.size()) break;
        const base::Result<CentralDirectoryHeader> header = parse_central_directory_header(rest);
        if (!header) return give_up(offset, header.error().detail);
        if (headers_read_ == end_.extent.entries) {
            return give_up(offset, fmt::format("the directory has more headers than the {} that "
                                               "the end record says",
                                               end_.extent.entries));
        }
        take(*header, offset);
        offset += size;
        rest = rest.subspan(size);
    }
    pending_.erase(pending_.begin(), pending_.end() - static_cast<std::ptrdiff_t>(rest.size()));
    if (directory_read_ < end_.extent.cd_size) return;
    if (!pending_.empty()) return give_up(offset, "the directory ends within a header");
    finish_directory();
}

void Verifier::take(const CentralDirectoryHeader& header, std::uint64_t offset) {
    ++headers_read_;
    check(header, offset, options_, findings_);
    const NameKind kind = is_directory(header) ? NameKind::directory : NameKind::file;
    const base::Result<ClaimedName> claimed = names_.claim(kind, header.name);
    std::string_view name = claimed ? claimed->name : std::string_view{};
    if (!claimed || claimed->kind == NameKind::skip) {
        findings_.add(offset, header.name,
                      claimed ? "the directory appears twice" : claimed.error().detail);
        name = pool_.add(header.name);
    }
    if (header.local_offset >= end_.extent.cd_offset) {
        findings_.add(offset, header.name, "the local header would lie in or behind the directory");
        return;
    }
    if (in_order_ && !entries_.empty() && header.local_offset < entries_.back().local_offset) {
        in_order_ = false;
        findings_.add(offset, header.name, "the directory is not in the order of the entries");
    }
    entries_.push_back({header, header.local_offset});
    entries_.back().fields.name = name;
}

void Verifier::finish_directory() {
    if (headers_read_ != end_.extent.entries) {
        return give_up(end_.offset,
                       fmt::format("the directory has {} headers, the end record says {}",
                                   headers_read_, end_.extent.entries));
    }
    if (!in_order_) std::ranges::sort(entries_, {}, &Slot::local_offset);
    const std::uint64_t body_end = end_.extent.cd_offset;
    const std::uint64_t first = entries_.empty() ? body_end : entries_.front().local_offset;
    if (first != 0) findings_.add(0, {}, fmt::format("{} bytes before the first entry", first));
    state_ = State::done;
}

}  // namespace zip
