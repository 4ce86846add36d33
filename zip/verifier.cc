#include "zip/verifier.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/check.h"
#include "zip/crc32.h"

namespace zip {
namespace {

constexpr std::uint16_t kFlagUtf8 = 1U << 11;

bool is_directory(const HeaderFields& header) { return header.name.ends_with('/'); }

// 10, 20 and 45 are the versions that stored entries, directories and Zip64 need (4.4.3.2).
bool is_version_right(const HeaderFields& header) {
    if (header.has_zip64) return header.version_needed == 45;
    if (is_directory(header)) return header.version_needed == 20 || header.version_needed == 45;
    return header.version_needed == 10 || header.version_needed == 20 ||
           header.version_needed == 45;
}

// Made by FAT (0) or Unix (3) software that knows a version which is in use (4.4.2).
bool is_made_by_right(std::uint16_t made_by) {
    const unsigned host = made_by >> 8;
    constexpr std::uint8_t kVersions[] = {20, 30, 31, 45, 63};
    return (host == 0 || host == 3) && std::ranges::count(kVersions, made_by & 0xFF) != 0;
}

bool is_dos_date_time_right(DosDateTime dos) {
    const unsigned month = dos.date >> 5 & 15;
    const unsigned day = dos.date & 31;
    return month >= 1 && month <= 12 && day >= 1 && dos.time >> 11 < 24 &&
           (dos.time >> 5 & 63) < 60 && (dos.time & 31) < 30;
}

// Under Unix the high half is a mode of type S_IFREG (0100000) or S_IFDIR (0040000) without set-id
// and sticky bits: a symbolic link could lead the next entry out of the target folder. The low byte
// has the MS-DOS directory bit.
bool are_attributes_right(const CentralDirectoryHeader& header) {
    const bool directory = is_directory(header);
    if ((header.external_attributes & 0xFFFF) != (directory ? 0x10U : 0U)) return false;
    if (header.version_made_by >> 8 != 3) return true;
    return (header.external_attributes >> 16 & 0177000) == (directory ? 0040000U : 0100000U);
}

bool is_name_safe(const HeaderFields& header) {
    const base::Result<EntryName> name = entry_name_explicit(header.name, header.size);
    return name && !name->rewritten;
}

}  // namespace

void check(const CentralDirectoryHeader& header, std::uint64_t offset, Findings& findings) {
    const auto expect = [&](bool right, std::string_view what) {
        if (!right) findings.add(offset, header.name, std::string(what));
    };
    const bool utf8_flag = (header.flags & kFlagUtf8) != 0;
    expect(is_made_by_right(header.version_made_by), "the version made by is unknown");
    expect(is_version_right(header), "the version needed does not fit the entry");
    expect((header.flags & ~kFlagUtf8) == 0, "flags other than UTF-8 are set");
    expect(header.method == 0, "the method is not STORE");
    expect(is_dos_date_time_right(header.dos), "the date or time does not exist");
    expect(header.size == header.compressed_size, "the two sizes of a stored entry differ");
    expect(!header.has_zip64 || header.size >= kIn64 || header.local_offset >= kIn64,
           "Zip64 fields that no value needs");
    expect(!is_directory(header) || header.size == 0, "a directory has data");
    expect(header.internal_attributes == 0, "the internal attributes are not 0");
    expect(are_attributes_right(header),
           "the external attributes do not fit a plain file or directory");
    expect(is_name_safe(header), "the name is unsafe to extract or not UTF-8");
    expect(utf8_flag || is_ascii(header.name) || !is_valid_utf8(header.name),
           "the name is UTF-8, but its flag is not set");
    expect(!utf8_flag || is_valid_utf8(header.name), "the name is not UTF-8, but its flag is set");
}

void compare(const LocalFileHeader& local, const HeaderFields& central, std::uint64_t local_offset,
             Findings& findings) {
    const auto expect = [&](bool same, std::string_view field) {
        if (!same) {
            findings.add(local_offset, central.name,
                         fmt::format("{} in the local header differs from the directory's", field));
        }
    };
    // Only the directory knows offsets, so only it may have needed Zip64.
    expect(
        local.version_needed == central.version_needed || (central.has_zip64 && !local.has_zip64),
        "the version needed");
    if (!is_version_right(local)) {
        findings.add(local_offset, central.name,
                     "the local header's version needed does not fit the entry");
    }
    expect(local.flags == central.flags, "a flag");
    expect(local.method == central.method, "the method");
    expect(local.dos.time == central.dos.time && local.dos.date == central.dos.date,
           "the DOS date or time");
    expect(local.crc == central.crc, "the CRC-32");
    expect(local.compressed_size == central.compressed_size, "the compressed size");
    expect(local.size == central.size, "the size");
    expect(local.timestamp_flags == central.timestamp_flags &&
               local.mtime_unix_s == central.mtime_unix_s,
           "the extended timestamp");
    expect(local.name == central.name, "the name");
}

Verifier::Verifier(std::uint64_t archive_size) : archive_size_(archive_size) {
    if (archive_size < kEndSize) give_up(0, "it is too short for a ZIP archive");
}

std::optional<ByteRange> Verifier::next_range() const {
    if (state_ == State::tail) {
        const std::uint64_t size = std::min<std::uint64_t>(archive_size_, kTailSizeMax);
        return ByteRange{archive_size_ - size, size};
    }
    if (state_ == State::directory) {
        return ByteRange{end_.extent.cd_offset + directory_read_,
                         std::min(end_.extent.cd_size - directory_read_, kRangeSizeMax)};
    }
    return std::nullopt;
}

void Verifier::feed(base::ByteView bytes) {
    const std::optional<ByteRange> range = next_range();
    CHECK(range && bytes.size() == range->size);
    if (state_ == State::tail) {
        feed_tail(bytes);
    } else {
        feed_directory(bytes);
    }
}

std::uint64_t Verifier::begin(std::uint64_t i) const {
    return i < entries_.size() ? entries_[i].local_offset : body_size();
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
    end_.comment = {};
    end_crc_ = crc32_update(0, tail.subspan(end_.offset - tail_offset));
    const DirectoryExtent& extent = end_.extent;
    if (extent.entries > extent.cd_size / kCentralDirectoryHeaderFixedSize) {
        return give_up(end_.offset, "the directory is too small for the number of entries");
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
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    directory_read_ += bytes.size();
    std::uint64_t offset = end_.extent.cd_offset + directory_read_ - pending_.size();
    base::ByteView rest = pending_;
    while (!rest.empty()) {
        const std::size_t size = central_directory_header_extent(rest);
        if (size == 0 || size > rest.size()) break;
        const base::Result<CentralDirectoryHeader> header = parse_central_directory_header(rest);
        if (!header) return give_up(offset, header.error().detail);
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
    check(header, offset, findings_);
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
    entries_.push_back({header, header.local_offset});
    entries_.back().fields.name = name;
}

void Verifier::finish_directory() {
    if (headers_read_ != end_.extent.entries) {
        return give_up(end_.offset,
                       fmt::format("the directory has {} headers, the end record says {}",
                                   headers_read_, end_.extent.entries));
    }
    std::ranges::sort(entries_, {}, &Slot::local_offset);
    const std::uint64_t body_end = end_.extent.cd_offset;
    const std::uint64_t first = entries_.empty() ? body_end : entries_.front().local_offset;
    if (first != 0) findings_.add(0, {}, fmt::format("{} bytes before the first entry", first));
    directory_crc_ = crc32_combine(directory_crc_, end_crc_, archive_size_ - end_.offset);
    state_ = State::done;
}

}  // namespace zip
