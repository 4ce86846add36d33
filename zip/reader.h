// Parsers of the ZIP records, for `s3zip verify`: bytes that anybody may have written go in, fields
// come out, and every access is bounds-checked. APPNOTE 6.3.10; errors are `corrupt` with a
// sentence that says which field is wrong.
//
// They refuse what strict readers (Java's above all) refuse: extra blocks that overrun, a Zip64
// block whose length is not that of the fields it stands for, a 0xFFFFFFFF field without one. What
// is well-formed but suspect is the business of verifier.h. Pure, safe on any thread; the views in
// a result point into the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "zip/records.h"

namespace zip {

struct EndRecords {
    DirectoryExtent extent;
    std::uint64_t offset = 0;  // where the end records begin: at the Zip64 record if there is one
    bool has_zip64 = false;
    std::uint16_t version_made_by = 0;  // of the Zip64 record
    std::string_view comment;
};

// The end records of any archive lie within its last kTailSizeMax bytes.
inline constexpr std::size_t kTailSizeMax =
    kZip64EndSize + kZip64LocatorSize + kEndSize + kCommentSizeMax;

// `tail` is the archive's last min(archive_size, kTailSizeMax) bytes, or fewer when the comment is
// known to be short. Succeeds only with a directory that lies before the end records, on one disk,
// and with Zip64 values that agree with the 32-bit ones.
base::Result<EndRecords> find_end_records(base::ByteView tail, std::uint64_t archive_size);

struct HeaderFields {
    std::uint16_t version_needed = 0;
    std::uint16_t flags = 0;
    std::uint16_t method = 0;
    DosDateTime dos;
    std::uint32_t crc = 0;
    std::uint64_t compressed_size = 0;  // the Zip64 value where there is one
    std::uint64_t size = 0;
    bool has_zip64 = false;
    std::uint8_t timestamp_flags = 0;          // of extra 0x5455; 0 without one
    std::optional<std::int32_t> mtime_unix_s;  // its modification time
    std::string_view name;
    std::size_t header_size = 0;  // bytes consumed
};
struct LocalFileHeader : HeaderFields {};
struct CentralDirectoryHeader : HeaderFields {
    std::uint16_t version_made_by = 0;
    std::uint16_t internal_attributes = 0;
    std::uint32_t external_attributes = 0;
    std::uint64_t local_offset = 0;
    std::string_view comment;
};

// Its name and its extra field have at most 65,535 bytes each.
inline constexpr std::uint64_t kLocalFileHeaderSizeMax = kLocalFileHeaderFixedSize + 2 * 0xFFFF;

// The size of the header that `bytes` begins with, as its length fields give it; 0 if they are not
// all there yet.
std::size_t local_file_header_extent(base::ByteView bytes);
std::size_t central_directory_header_extent(base::ByteView bytes);

// `bytes` begins with the header and holds all of it; more may follow.
base::Result<LocalFileHeader> parse_local_file_header(base::ByteView bytes);
base::Result<CentralDirectoryHeader> parse_central_directory_header(base::ByteView bytes);

}  // namespace zip
