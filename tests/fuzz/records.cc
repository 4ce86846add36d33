// The ZIP records, one by one: what the encoders write the parsers read back, and of other bytes
// they take only what is there.
//
// Input: the last byte says which record and whether to read it (the rest is the record) or to
// write it (numbers from the back, its name or comment from the front).
#include "zip/records.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz_input.h"
#include "zip/layout.h"
#include "zip/reader.h"

namespace {

using fuzz::FuzzInput;

bool lies_in(std::string_view part, base::ByteView whole) {
    const auto* begin = reinterpret_cast<const char*>(whole.data());
    return part.data() >= begin && part.data() + part.size() <= begin + whole.size();
}

bool same(const zip::HeaderFields& a, const zip::HeaderFields& b) {
    return a.version_needed == b.version_needed && a.flags == b.flags && a.method == b.method &&
           a.dos.date == b.dos.date && a.dos.time == b.dos.time && a.crc == b.crc &&
           a.compressed_size == b.compressed_size && a.size == b.size &&
           a.has_zip64 == b.has_zip64 && a.timestamp_flags == b.timestamp_flags &&
           a.mtime_unix_s == b.mtime_unix_s && a.name == b.name && a.header_size == b.header_size;
}

// What is read depends on the header's own bytes only, and needs all of them.
template <typename Parse, typename Extent>
void read_header(base::ByteView bytes, Parse parse, Extent extent) {
    const auto header = parse(bytes);
    if (!header) {
        CHECK(header.error().kind == base::ErrorKind::corrupt && !header.error().detail.empty());
        return;
    }
    const std::size_t size = header->header_size;
    CHECK(size <= bytes.size() && size == extent(bytes));
    CHECK(lies_in(header->name, bytes.first(size)));
    const std::vector<std::byte> alone(bytes.begin(),
                                       bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const auto again = parse(alone);
    CHECK(again && same(*header, *again));
    for (const std::size_t shorter : {size - 1, size / 2, std::size_t{0}}) {
        CHECK(!parse(base::ByteView(alone).first(shorter)));
    }
}

void read_end(base::ByteView tail, std::uint64_t bytes_before) {
    const std::uint64_t archive_size = tail.size() + bytes_before;
    const auto end = zip::find_end_records(tail, archive_size);
    if (!end) {
        CHECK(end.error().kind == base::ErrorKind::corrupt && !end.error().detail.empty());
        return;
    }
    CHECK(end->offset >= bytes_before && end->offset <= archive_size - zip::kEndSize);
    CHECK(end->extent.cd_size <= end->offset);
    CHECK(end->extent.cd_offset <= end->offset - end->extent.cd_size);
    CHECK(lies_in(end->comment, tail));
    CHECK(end->comment.data() + end->comment.size() == base::as_text(tail).end());
    const auto* comment = reinterpret_cast<const std::byte*>(end->comment.data());
    CHECK(base::load_le<std::uint16_t>(comment - 2) == end->comment.size());
    CHECK(base::load_le<std::uint32_t>(comment - zip::kEndSize) == zip::kEndSignature);
    CHECK(end->has_zip64 || !end->extent.needs_zip64());
    // The parts of the tail before the records do not matter.
    const auto again =
        zip::find_end_records(tail.subspan(end->offset - bytes_before), archive_size);
    CHECK(again && again->offset == end->offset && again->extent.entries == end->extent.entries);
}

struct Wanted {
    zip::Entry entry;
    std::uint32_t crc;
    std::uint64_t local_offset;
    bool is_wide;
};

// Small, around the edge of Zip64, anything.
std::uint64_t draw_size(FuzzInput& input) {
    switch (input.below(3)) {
        case 0: return input.byte();
        case 1: return zip::kIn64 - 2 + input.below(4);
        default: return input.number<std::uint64_t>();
    }
}

Wanted draw_entry(FuzzInput& input) {
    Wanted wanted{};
    zip::Entry& entry = wanted.entry;
    entry.size = draw_size(input);
    entry.mtime_unix_s = input.flag() ? static_cast<std::int64_t>(input.number<std::uint64_t>())
                                      : static_cast<std::int32_t>(input.number<std::uint32_t>());
    entry.is_directory = input.flag();
    entry.unix_mode = entry.is_directory ? zip::kDirectoryMode : zip::kFileMode;
    wanted.crc = input.number<std::uint32_t>();
    wanted.local_offset = draw_size(input);
    wanted.is_wide = input.flag();
    entry.name = input.rest();
    return wanted;
}

// DOS knows even seconds from 1980 to 2107.
void check_dos(zip::DosDateTime dos, std::int64_t unix_s) {
    using namespace std::chrono;
    const auto number = [](unsigned field, int shift, unsigned mask) {
        return field >> shift & mask;
    };
    const year_month_day date{year(1980 + static_cast<int>(number(dos.date, 9, 127))),
                              month(number(dos.date, 5, 15)), day(number(dos.date, 0, 31))};
    const std::int64_t time_s = number(dos.time, 11, 31) * 3600 + number(dos.time, 5, 63) * 60 +
                                number(dos.time, 0, 31) * 2;
    CHECK(date.ok() && number(dos.time, 5, 63) < 60 && time_s < 86'400);
    const std::int64_t dos_s = sys_seconds(sys_days(date)).time_since_epoch().count() + time_s;
    const std::int64_t nearest = std::clamp<std::int64_t>(unix_s, 315'532'800, 4'354'819'199);
    CHECK(dos_s == nearest - nearest % 2);
}

void check_common(const zip::HeaderFields& read, const Wanted& wanted) {
    const zip::Entry& entry = wanted.entry;
    CHECK(read.size == entry.size && read.compressed_size == entry.size);
    CHECK(read.crc == wanted.crc && read.name == entry.name && read.method == 0);
    CHECK(read.version_needed == (read.has_zip64 ? 45 : entry.is_directory ? 20 : 10));
    CHECK(read.flags == (zip::has_utf8_flag(entry) ? 1U << 11 : 0U));
    CHECK(read.mtime_unix_s.has_value() == zip::has_extended_timestamp(entry));
    CHECK(!read.mtime_unix_s || *read.mtime_unix_s == entry.mtime_unix_s);
    check_dos(read.dos, entry.mtime_unix_s);
}

base::Bytes writable(std::string& text) {
    return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

void write_local(const Wanted& wanted) {
    std::string bytes(zip::local_file_header_size(wanted.entry), '\xEE');
    zip::encode_local_file_header(wanted.entry, wanted.crc, writable(bytes));
    const auto read = zip::parse_local_file_header(base::as_bytes(bytes));
    CHECK(read && read->header_size == bytes.size());
    CHECK(read->has_zip64 == (wanted.entry.size >= zip::kIn64));
    check_common(*read, wanted);
}

void write_central(const Wanted& wanted) {
    const zip::Entry& entry = wanted.entry;
    const bool is_wide = wanted.is_wide;
    std::string bytes(zip::central_directory_header_size(entry, wanted.local_offset, is_wide), 'x');
    zip::encode_central_directory_header(entry, wanted.crc, wanted.local_offset, writable(bytes),
                                         is_wide);
    const auto read = zip::parse_central_directory_header(base::as_bytes(bytes));
    CHECK(read && read->header_size == bytes.size());
    CHECK(read->has_zip64 ==
          (is_wide || entry.size >= zip::kIn64 || wanted.local_offset >= zip::kIn64));
    CHECK(read->local_offset == wanted.local_offset && read->comment.empty());
    CHECK(read->external_attributes >> 16 == entry.unix_mode);
    CHECK((read->external_attributes & 0xFFFF) == (entry.is_directory ? 0x10U : 0U));
    check_common(*read, wanted);
}

void write_end(FuzzInput& input) {
    zip::DirectoryExtent extent;
    extent.entries = input.flag() ? draw_size(input) : 0xFFFE + input.below(4);
    extent.cd_offset = draw_size(input) >> 2;  // their sum is an offset as well
    extent.cd_size = draw_size(input) >> 2;
    const std::string_view comment = input.rest();
    if (!zip::check_comment(comment)) return;
    std::string bytes(zip::end_records_size(extent, comment.size()), '\xEE');
    zip::encode_end_records(extent, comment, writable(bytes));
    const std::uint64_t offset = extent.cd_offset + extent.cd_size;
    const auto read = zip::find_end_records(base::as_bytes(bytes), offset + bytes.size());
    CHECK(read && read->offset == offset && read->comment == comment);
    CHECK(read->extent.entries == extent.entries && read->extent.cd_size == extent.cd_size);
    CHECK(read->extent.cd_offset == extent.cd_offset);
    CHECK(read->has_zip64 == extent.needs_zip64());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzInput input(data, size);
    switch (input.below(6)) {
        case 0:
            read_header(base::as_bytes(input.rest()), zip::parse_local_file_header,
                        zip::local_file_header_extent);
            break;
        case 1:
            read_header(base::as_bytes(input.rest()), zip::parse_central_directory_header,
                        zip::central_directory_header_extent);
            break;
        case 2: {
            const std::uint64_t bytes_before =
                input.flag() ? input.number<std::uint64_t>() >> 1 : 0;
            read_end(base::as_bytes(input.rest()), bytes_before);
            break;
        }
        case 3: write_local(draw_entry(input)); break;
        case 4: write_central(draw_entry(input)); break;
        default: write_end(input);
    }
    return 0;
}
