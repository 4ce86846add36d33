#include "zip/records.h"

#include <cstring>

#include "base/check.h"

namespace zip {
namespace {

// "Version made by": high byte 3 = Unix, so that readers take the external attributes for a mode;
// low byte 4.5, the first version of the specification with Zip64 (4.4.2). "Version needed" is 4.5
// with Zip64, 2.0 for a directory, else 1.0.
constexpr std::uint16_t kVersionMadeBy = 0x032D;
constexpr std::uint16_t kVersionZip64 = 45;
constexpr std::uint16_t kVersionDirectory = 20;
constexpr std::uint16_t kVersionPlain = 10;
constexpr std::uint16_t kFlagUtf8 = 1U << 11;
constexpr std::uint16_t kMethodStore = 0;
constexpr std::uint32_t kDosDirectoryAttribute = 0x10;
constexpr std::size_t kExtraHeadSize = 4;  // id 2, size 2
constexpr std::size_t kZip64LocalSize = kExtraHeadSize + 16;

bool size_in_64(const Entry& entry) { return entry.size >= kIn64; }

std::size_t timestamp_size(const Entry& entry) {
    return has_extended_timestamp(entry) ? kTimestampExtraSize : 0;
}

// Zip64 extended information in the central directory (4.5.3): only the fields whose 32-bit twin is
// 0xFFFFFFFF.
std::size_t zip64_central_size(const Entry& entry, std::uint64_t local_offset, bool is_wide) {
    const std::size_t body =
        (size_in_64(entry) || is_wide ? 16 : 0) + (local_offset >= kIn64 ? 8 : 0);
    return body == 0 ? 0 : kExtraHeadSize + body;
}

std::uint32_t low_or_marker(std::uint64_t value) {
    return value >= kIn64 ? kIn64 : static_cast<std::uint32_t>(value);
}
std::uint16_t count_or_marker(std::uint64_t value) {
    return value >= kCountIn64 ? kCountIn64 : static_cast<std::uint16_t>(value);
}

// Writes fields one after the other; the encoders check at the end that they filled exactly what
// was promised.
class Writer {
  public:
    explicit Writer(base::Bytes out) : out_(out), at_(out.data()) {}

    Writer& u16(std::uint16_t value) { return put(value); }
    Writer& u32(std::uint32_t value) { return put(value); }
    Writer& u64(std::uint64_t value) { return put(value); }
    Writer& text(std::string_view value) {
        if (!value.empty()) std::memcpy(at_, value.data(), value.size());
        at_ += value.size();
        return *this;
    }
    void finish() const { CHECK(at_ == out_.data() + out_.size()); }

  private:
    template <typename UInt>
    Writer& put(UInt value) {
        at_ = base::store_le(at_, value);
        return *this;
    }
    base::Bytes out_;
    std::byte* at_;
};

// The fields from "version needed" to "extra field length", alike in both headers:
//   0 version needed 2 | 2 flags 2 | 4 method 2 | 6 time 2 | 8 date 2 | 10 CRC-32 4 | 14 compressed
//   size 4 18 uncompressed size 4 | 22 name length 2 | 24 extra length 2
void put_common(Writer& writer, const Entry& entry, std::uint32_t crc, std::size_t zip64_size,
                bool is_wide) {
    const std::uint32_t size = is_wide ? kIn64 : low_or_marker(entry.size);
    const DosDateTime dos = dos_date_time(entry.mtime_unix_s);
    const std::uint16_t version = zip64_size != 0      ? kVersionZip64
                                  : entry.is_directory ? kVersionDirectory
                                                       : kVersionPlain;
    writer.u16(version)
        .u16(has_utf8_flag(entry) ? kFlagUtf8 : 0)
        .u16(kMethodStore)
        .u16(dos.time)
        .u16(dos.date)
        .u32(crc)
        .u32(size)
        .u32(size)
        .u16(static_cast<std::uint16_t>(entry.name.size()))
        .u16(static_cast<std::uint16_t>(zip64_size + timestamp_size(entry)));
}

// Extended timestamp, Info-ZIP's extra 0x5455: id 2 | size 2 (5) | flags 1 (1: mtime follows) |
// mtime 4. Local and central are the same, because mtime is the only time we know.
void put_timestamp(Writer& writer, const Entry& entry) {
    if (!has_extended_timestamp(entry)) return;
    writer.u16(kTimestampExtraId).u16(kTimestampExtraSize - kExtraHeadSize);
    writer.text(std::string_view("\x01", 1));
    writer.u32(static_cast<std::uint32_t>(entry.mtime_unix_s));
}

}  // namespace

std::size_t local_file_header_size(const Entry& entry) {
    return kLocalFileHeaderFixedSize + entry.name.size() + timestamp_size(entry) +
           (size_in_64(entry) ? kZip64LocalSize : 0);
}

// 4.3.7: 0 signature 4 | 4 the common fields 26 | 30 name | extra: [Zip64] [timestamp]
// Zip64 in a local header holds both sizes always: uncompressed 8, compressed 8 (4.5.3).
void encode_local_file_header(const Entry& entry, std::uint32_t crc, base::Bytes out) {
    CHECK(out.size() == local_file_header_size(entry) && entry.name.size() <= kNameSizeMax);
    Writer writer(out);
    writer.u32(kLocalFileHeaderSignature);
    put_common(writer, entry, crc, size_in_64(entry) ? kZip64LocalSize : 0, false);
    writer.text(entry.name);
    if (size_in_64(entry)) {
        writer.u16(kZip64ExtraId).u16(16).u64(entry.size).u64(entry.size);
    }
    put_timestamp(writer, entry);
    writer.finish();
}

std::size_t central_directory_header_size(const Entry& entry, std::uint64_t local_offset,
                                          bool is_wide) {
    return kCentralDirectoryHeaderFixedSize + entry.name.size() + timestamp_size(entry) +
           zip64_central_size(entry, local_offset, is_wide);
}

// 4.3.12: 0 signature 4 | 4 version made by 2 | 6 the common fields 26 | 32 comment length 2 |
//   34 disk 2 | 36 internal attributes 2 | 38 external attributes 4 | 42 local header offset 4 |
//   46 name | extra: [Zip64] [timestamp]
void encode_central_directory_header(const Entry& entry, std::uint32_t crc,
                                     std::uint64_t local_offset, base::Bytes out, bool is_wide) {
    CHECK(out.size() == central_directory_header_size(entry, local_offset, is_wide));
    CHECK(entry.name.size() <= kNameSizeMax);
    const std::size_t zip64_size = zip64_central_size(entry, local_offset, is_wide);
    const std::uint32_t attributes =
        entry.unix_mode << 16 | (entry.is_directory ? kDosDirectoryAttribute : 0);
    Writer writer(out);
    writer.u32(kCentralDirectoryHeaderSignature).u16(kVersionMadeBy);
    put_common(writer, entry, crc, zip64_size, is_wide);
    writer.u16(0).u16(0).u16(0).u32(attributes).u32(low_or_marker(local_offset)).text(entry.name);
    if (zip64_size != 0) {
        writer.u16(kZip64ExtraId).u16(static_cast<std::uint16_t>(zip64_size - kExtraHeadSize));
        if (size_in_64(entry) || is_wide) writer.u64(entry.size).u64(entry.size);
        if (local_offset >= kIn64) writer.u64(local_offset);
    }
    put_timestamp(writer, entry);
    writer.finish();
}

std::size_t end_records_size(const DirectoryExtent& extent, std::size_t comment_size) {
    return (extent.needs_zip64() ? kZip64EndSize + kZip64LocatorSize : 0) + kEndSize + comment_size;
}

// Zip64 end of central directory record, 4.3.14:
//   0 signature 4 | 4 size of the rest 8 (44) | 12 version made by 2 | 14 version needed 2 |
//   16 disk 4 | 20 directory's disk 4 | 24 entries on disk 8 | 32 entries 8 | 40 directory size 8 |
//   48 directory offset 8
// Zip64 end of central directory locator, 4.3.15:
//   0 signature 4 | 4 disk 4 | 8 offset of the record above 8 | 16 total disks 4 (1; Go refuses 0)
// End of central directory record, 4.3.16:
//   0 signature 4 | 4 disk 2 | 6 directory's disk 2 | 8 entries on disk 2 | 10 entries 2 |
//   12 directory size 4 | 16 directory offset 4 | 20 comment length 2 | 22 comment
void encode_end_records(const DirectoryExtent& extent, std::string_view comment, base::Bytes out) {
    CHECK(out.size() == end_records_size(extent, comment.size()));
    CHECK(comment.size() <= kCommentSizeMax);
    Writer writer(out);
    if (extent.needs_zip64()) {
        writer.u32(kZip64EndSignature).u64(kZip64EndSize - 12);
        writer.u16(kVersionMadeBy).u16(kVersionZip64).u32(0).u32(0);
        writer.u64(extent.entries).u64(extent.entries).u64(extent.cd_size).u64(extent.cd_offset);
        writer.u32(kZip64LocatorSignature).u32(0).u64(extent.cd_offset + extent.cd_size).u32(1);
    }
    writer.u32(kEndSignature).u16(0).u16(0);
    writer.u16(count_or_marker(extent.entries)).u16(count_or_marker(extent.entries));
    writer.u32(low_or_marker(extent.cd_size)).u32(low_or_marker(extent.cd_offset));
    writer.u16(static_cast<std::uint16_t>(comment.size())).text(comment);
    writer.finish();
}

}  // namespace zip
