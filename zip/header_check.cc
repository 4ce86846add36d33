#include "zip/header_check.h"

#include <fmt/format.h>
#include <algorithm>

#include "zip/names.h"

namespace zip {
namespace {

constexpr std::uint16_t kFlagUtf8 = 1U << 11;
constexpr std::uint32_t kDosDirectoryAttribute = 0x10;

// 10, 20 and 45 are the versions that stored entries, directories and Zip64 need (4.4.3.2).
bool is_version_right(const HeaderFields& header) {
    if (header.has_zip64) return header.version_needed == 45;
    if (is_directory(header)) return header.version_needed == 20 || header.version_needed == 45;
    return header.version_needed == 10 || header.version_needed == 20 ||
           header.version_needed == 45;
}

bool is_dos_date_time_right(DosDateTime dos) {
    const unsigned month = dos.date >> 5 & 15;
    const unsigned day = dos.date & 31;
    return month >= 1 && month <= 12 && day >= 1 && dos.time >> 11 < 24 &&
           (dos.time >> 5 & 63) < 60 && (dos.time & 31) < 30;
}

// Under Unix the high half is the mode, and there is one for files and one for directories: a
// symbolic link could lead the next entry out of the target folder, and a changed permission bit
// shows nowhere else. The low byte has the MS-DOS directory bit.
bool are_attributes_right(const CentralDirectoryHeader& header) {
    const bool directory = is_directory(header);
    const bool unix = header.version_made_by >> 8 == 3;
    const std::uint32_t mode = directory ? kDirectoryMode : kFileMode;
    return header.external_attributes ==
           ((unix ? mode << 16 : 0) | (directory ? kDosDirectoryAttribute : 0));
}

bool is_name_safe(const HeaderFields& header) {
    const base::Result<EntryName> name = entry_name_explicit(header.name, header.size);
    return name && !name->rewritten;
}

}  // namespace

bool is_directory(const HeaderFields& header) { return header.name.ends_with('/'); }

bool is_made_by_right(std::uint16_t made_by) {
    const unsigned host = made_by >> 8;
    constexpr std::uint8_t kVersions[] = {20, 30, 31, 45, 63};
    return (host == 0 || host == 3) && std::ranges::count(kVersions, made_by & 0xFF) != 0;
}

void check(const CentralDirectoryHeader& header, std::uint64_t offset, const VerifyOptions& options,
           Findings& findings) {
    const auto expect = [&](bool right, std::string_view what) {
        if (!right) findings.add(offset, header.name, std::string(what));
    };
    const bool utf8_flag = (header.flags & kFlagUtf8) != 0;
    const bool plain = is_ascii(header.name);
    const bool utf8 = plain || is_valid_utf8(header.name);
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
           "the external attributes are not those of a plain file or directory");
    expect(header.comment.empty(), "the entry has a comment");
    expect(!options.check_names || is_name_safe(header),
           "the name is unsafe to extract or not UTF-8");
    expect(utf8_flag || plain || !utf8, "the name is UTF-8, but its flag is not set");
    expect(!utf8_flag || utf8, "the name is not UTF-8, but its flag is set");
}

void compare(const LocalFileHeader& local, const HeaderFields& central, std::uint64_t local_offset,
             Findings& findings) {
    const auto expect = [&](bool same, std::string_view field) {
        if (!same) {
            findings.add(local_offset, central.name,
                         fmt::format("{} in the local header differs from the directory's", field));
        }
    };
    const auto expect_right = [&](bool right, std::string_view what) {
        if (!right) findings.add(local_offset, central.name, std::string(what));
    };
    // Only the directory knows offsets, so only it may have needed Zip64.
    expect(
        local.version_needed == central.version_needed || (central.has_zip64 && !local.has_zip64),
        "the version needed");
    expect_right(is_version_right(local),
                 "the local header's version needed does not fit the entry");
    expect_right(!local.has_zip64 || local.size >= kIn64,
                 "the local header has Zip64 fields that no value needs");
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

}  // namespace zip
