// The bytes of the ZIP records we write: LocalFileHeader, CentralDirectoryHeader, and the end
// records (Zip64 end of central directory record and locator when needed, then the end of central
// directory record, EOCD). APPNOTE 6.3.10; offset tables stand in records.cc. Method STORE only;
// never a data descriptor (Java refuses one with STORE), so a LocalFileHeader always carries the
// true CRC and sizes. Zip64 exactly when needed, per field.
//
// Pure functions over memory of the caller: sizes follow from the entry alone (not from its CRC),
// and `out` must be exactly as long as the matching *_size says. Safe on any thread; nothing
// allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "zip/entry.h"

namespace zip {

inline constexpr std::uint32_t kLocalFileHeaderSignature = 0x04034b50;
inline constexpr std::uint32_t kCentralDirectoryHeaderSignature = 0x02014b50;
inline constexpr std::uint32_t kZip64EndSignature = 0x06064b50;
inline constexpr std::uint32_t kZip64LocatorSignature = 0x07064b50;
inline constexpr std::uint32_t kEndSignature = 0x06054b50;

inline constexpr std::size_t kLocalFileHeaderFixedSize = 30;
inline constexpr std::size_t kCentralDirectoryHeaderFixedSize = 46;
inline constexpr std::size_t kZip64EndSize = 56;
inline constexpr std::size_t kZip64LocatorSize = 20;
inline constexpr std::size_t kEndSize = 22;

inline constexpr std::uint32_t kIn64 =
    0xFFFFFFFF;  // a 32-bit field whose value is in the Zip64 record
inline constexpr std::uint16_t kCountIn64 = 0xFFFF;  // the same for a 16-bit count
inline constexpr std::uint16_t kZip64ExtraId = 0x0001;
inline constexpr std::uint16_t kTimestampExtraId = 0x5455;
inline constexpr std::size_t kTimestampExtraSize = 9;

// Java refuses a CentralDirectoryHeader above 65,535 bytes; what is left of that for a name, and
// the largest LocalFileHeader that follows.
inline constexpr std::size_t kNameSizeMax =
    0xFFFF - kCentralDirectoryHeaderFixedSize - kTimestampExtraSize - (4 + 24);
inline constexpr std::size_t kCommentSizeMax = 0xFFFF;

std::size_t local_file_header_size(const Entry& entry);
void encode_local_file_header(const Entry& entry, std::uint32_t crc, base::Bytes out);

// Where the CRC-32 stands in a LocalFileHeader, so that a header written early can be patched in
// place.
inline constexpr std::size_t kLocalFileHeaderCrcOffset = 14;

// `is_wide`: with both sizes in Zip64 even if they are small. UnZip 6.0 takes a true size of
// 0xFFFFFFFF for the mark of a Zip64 field and then misreads the extra of the header after it,
// unless that one holds sizes as well. So exactly the header after an entry of that size is wide.
constexpr bool is_wide_after(std::uint64_t previous_size) { return previous_size == kIn64; }

std::size_t central_directory_header_size(const Entry& entry, std::uint64_t local_offset,
                                          bool is_wide = false);
void encode_central_directory_header(const Entry& entry, std::uint32_t crc,
                                     std::uint64_t local_offset, base::Bytes out,
                                     bool is_wide = false);

// What the end records say of the archive: they stand at cd_offset + cd_size.
struct DirectoryExtent {
    std::uint64_t entries = 0;
    std::uint64_t cd_offset = 0;
    std::uint64_t cd_size = 0;

    bool needs_zip64() const {
        return entries >= kCountIn64 || cd_offset >= kIn64 || cd_size >= kIn64;
    }
};
std::size_t end_records_size(const DirectoryExtent& extent, std::size_t comment_size);
void encode_end_records(const DirectoryExtent& extent, std::string_view comment, base::Bytes out);

}  // namespace zip
