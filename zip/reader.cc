#include "zip/reader.h"

#include <fmt/format.h>
#include <bit>

namespace zip {
namespace {

// Sequential reads of little-endian fields. The caller has checked that they are there.
class Fields {
  public:
    explicit Fields(base::ByteView bytes) : at_(bytes.data()) {}
    std::uint16_t u16() { return take<std::uint16_t>(); }
    std::uint32_t u32() { return take<std::uint32_t>(); }
    std::uint64_t u64() { return take<std::uint64_t>(); }

  private:
    template <typename UInt>
    UInt take() {
        const UInt value = base::load_le<UInt>(at_);
        at_ += sizeof(UInt);
        return value;
    }
    const std::byte* at_;
};

auto corrupt(std::string_view code, std::string detail) {
    return base::fail(base::ErrorKind::corrupt, code, std::move(detail));
}
auto bad_end(std::string detail) { return corrupt("bad_end_records", std::move(detail)); }
auto bad_header(std::string detail) { return corrupt("bad_header", std::move(detail)); }

std::uint32_t signature_at(base::ByteView bytes, std::size_t at) {
    return bytes.size() < at + 4 ? 0 : base::load_le<std::uint32_t>(bytes.data() + at);
}
std::size_t length_at(base::ByteView bytes, std::size_t at) {
    return base::load_le<std::uint16_t>(bytes.data() + at);
}

// The EOCD nearest to the end whose comment reaches exactly to it; tail.size() if there is none.
std::size_t find_end(base::ByteView tail) {
    if (tail.size() < kEndSize) return tail.size();
    for (std::size_t at = tail.size() - kEndSize + 1; at-- > 0;) {
        if (signature_at(tail, at) == kEndSignature &&
            at + kEndSize + length_at(tail, at + 20) == tail.size()) {
            return at;
        }
    }
    return tail.size();
}

// Replaces what the EOCD at `end_at` says by what the Zip64 record before it says.
base::Status read_zip64_end(base::ByteView tail, std::uint64_t tail_offset, std::size_t end_at,
                            EndRecords& end) {
    if (end_at < kZip64LocatorSize + kZip64EndSize)
        return bad_end("the Zip64 end record is cut off");
    const std::size_t locator_at = end_at - kZip64LocatorSize;
    const std::size_t record_at = locator_at - kZip64EndSize;
    Fields locator(tail.subspan(locator_at + 4));
    if (locator.u32() != 0) return bad_end("the Zip64 locator names another disk");
    if (locator.u64() != tail_offset + record_at ||
        signature_at(tail, record_at) != kZip64EndSignature) {
        return bad_end("the Zip64 end record is not where its locator says, right before it");
    }
    if (locator.u32() != 1) return bad_end("the Zip64 locator's number of disks is not 1");
    Fields record(tail.subspan(record_at + 4));
    if (record.u64() != kZip64EndSize - 12) return bad_end("the Zip64 end record's size is not 44");
    end.version_made_by = record.u16();
    if (record.u16() != 45) return bad_end("the Zip64 end record's version needed is not 4.5");
    if (record.u32() != 0 || record.u32() != 0)
        return bad_end("the Zip64 end record names another disk");
    const std::uint64_t entries_on_disk = record.u64();
    const DirectoryExtent narrow = end.extent;
    end.extent.entries = record.u64();
    end.extent.cd_size = record.u64();
    end.extent.cd_offset = record.u64();
    if (entries_on_disk != end.extent.entries)
        return bad_end("the Zip64 end record's two entry counts differ");
    if ((narrow.entries != kCountIn64 && narrow.entries != end.extent.entries) ||
        (narrow.cd_size != kIn64 && narrow.cd_size != end.extent.cd_size) ||
        (narrow.cd_offset != kIn64 && narrow.cd_offset != end.extent.cd_offset)) {
        return bad_end("the Zip64 end record disagrees with the end of central directory record");
    }
    end.has_zip64 = true;
    end.offset = tail_offset + record_at;
    return {};
}

struct Extras {
    std::optional<base::ByteView> zip64;
    std::optional<base::ByteView> timestamp;
};

base::Result<Extras> split_extras(base::ByteView bytes) {
    Extras extras;
    while (!bytes.empty()) {
        if (bytes.size() < 4) return bad_header("the extra field ends within a block's head");
        const std::size_t id = length_at(bytes, 0);
        const std::size_t size = length_at(bytes, 2);
        if (size > bytes.size() - 4) {
            return bad_header(fmt::format("extra block 0x{:04x} runs past the extra field", id));
        }
        const base::ByteView body = bytes.subspan(4, size);
        bytes = bytes.subspan(4 + size);
        if (id != kZip64ExtraId && id != kTimestampExtraId) continue;
        std::optional<base::ByteView>& slot = id == kZip64ExtraId ? extras.zip64 : extras.timestamp;
        if (slot) return bad_header(fmt::format("extra block 0x{:04x} appears twice", id));
        slot = body;
    }
    return extras;
}

// Extended timestamp: the flags name the times that follow in a local header; the central one has
// at most the mtime.
base::Status read_timestamp(base::ByteView body, bool is_local, HeaderFields& header) {
    const unsigned flags = body.empty() ? 0 : std::to_integer<unsigned>(body[0]);
    const unsigned times = is_local ? flags : flags & 1;
    if (flags == 0 || flags > 7 ||
        body.size() != 1 + 4U * static_cast<unsigned>(std::popcount(times))) {
        return bad_header("the timestamp extra's length does not fit its flags");
    }
    header.timestamp_flags = static_cast<std::uint8_t>(flags);
    if ((flags & 1) != 0) {
        header.mtime_unix_s =
            static_cast<std::int32_t>(base::load_le<std::uint32_t>(body.data() + 1));
    }
    return {};
}

// Takes each 64-bit value whose 32-bit twin is 0xFFFFFFFF, in the order sizes then offset (4.5.3).
base::Status read_zip64(const std::optional<base::ByteView>& body, HeaderFields& header,
                        std::uint64_t* local_offset) {
    std::uint64_t* const fields[] = {&header.size, &header.compressed_size, local_offset};
    std::size_t wanted = 0;
    for (const std::uint64_t* field : fields) {
        if (field != nullptr && *field == kIn64) wanted += 8;
    }
    if (local_offset == nullptr && wanted == 8) {
        return bad_header("one size is 0xFFFFFFFF, but a local header's Zip64 extra holds both");
    }
    if (!body)
        return wanted == 0 ? base::Status{}
                           : bad_header("a field is 0xFFFFFFFF without a Zip64 extra");
    if (wanted == 0) return bad_header("a Zip64 extra without a field of 0xFFFFFFFF");
    if (body->size() != wanted) {
        return bad_header(
            fmt::format("the Zip64 extra has {} bytes, its fields take {}", body->size(), wanted));
    }
    header.has_zip64 = true;
    Fields values(*body);
    for (std::uint64_t* field : fields) {
        if (field != nullptr && *field == kIn64) *field = values.u64();
    }
    return {};
}

// The 26 bytes that both headers have in common (records.cc), from "version needed" to "extra
// length".
void read_common(Fields& fields, HeaderFields& header) {
    header.version_needed = fields.u16();
    header.flags = fields.u16();
    header.method = fields.u16();
    header.dos.time = fields.u16();
    header.dos.date = fields.u16();
    header.crc = fields.u32();
    header.compressed_size = fields.u32();
    header.size = fields.u32();
}

base::Status read_extras(base::ByteView bytes, HeaderFields& header, std::uint64_t* local_offset) {
    const base::Result<Extras> extras = split_extras(bytes);
    if (!extras) return base::fail(extras.error());
    if (base::Status ok = read_zip64(extras->zip64, header, local_offset); !ok) return ok;
    if (!extras->timestamp) return {};
    return read_timestamp(*extras->timestamp, local_offset == nullptr, header);
}

}  // namespace

base::Result<EndRecords> find_end_records(base::ByteView tail, std::uint64_t archive_size) {
    if (tail.size() > archive_size) return bad_end("the tail is longer than the archive");
    const std::uint64_t tail_offset = archive_size - tail.size();
    const std::size_t end_at = find_end(tail);
    if (end_at == tail.size()) return bad_end("there is no end of central directory record");
    EndRecords end;
    Fields fields(tail.subspan(end_at + 4));
    if (fields.u16() != 0 || fields.u16() != 0) return bad_end("the end record names another disk");
    const std::uint16_t entries_on_disk = fields.u16();
    end.extent.entries = fields.u16();
    end.extent.cd_size = fields.u32();
    end.extent.cd_offset = fields.u32();
    end.comment = base::as_text(tail.subspan(end_at + kEndSize));
    end.offset = tail_offset + end_at;
    if (entries_on_disk != end.extent.entries)
        return bad_end("the end record's two entry counts differ");
    if (end_at >= kZip64LocatorSize &&
        signature_at(tail, end_at - kZip64LocatorSize) == kZip64LocatorSignature) {
        if (base::Status ok = read_zip64_end(tail, tail_offset, end_at, end); !ok) {
            return base::fail(std::move(ok.error()));
        }
    } else if (end.extent.needs_zip64()) {
        return bad_end("the end record points to a Zip64 record that is missing");
    }
    if (end.extent.cd_offset > end.offset ||
        end.extent.cd_size > end.offset - end.extent.cd_offset) {
        return bad_end("the central directory would reach past the end records");
    }
    return end;
}

std::size_t local_file_header_extent(base::ByteView bytes) {
    if (bytes.size() < kLocalFileHeaderFixedSize) return 0;
    return kLocalFileHeaderFixedSize + length_at(bytes, 26) + length_at(bytes, 28);
}

std::size_t central_directory_header_extent(base::ByteView bytes) {
    if (bytes.size() < kCentralDirectoryHeaderFixedSize) return 0;
    return kCentralDirectoryHeaderFixedSize + length_at(bytes, 28) + length_at(bytes, 30) +
           length_at(bytes, 32);
}

base::Result<LocalFileHeader> parse_local_file_header(base::ByteView bytes) {
    if (signature_at(bytes, 0) != kLocalFileHeaderSignature)
        return bad_header("no local file header here");
    LocalFileHeader header;
    header.header_size = local_file_header_extent(bytes);
    if (header.header_size == 0 || header.header_size > bytes.size()) {
        return bad_header("the local file header is cut off");
    }
    Fields fields(bytes.subspan(4));
    read_common(fields, header);
    const std::size_t name_size = fields.u16();
    header.name = base::as_text(bytes.subspan(kLocalFileHeaderFixedSize, name_size));
    const std::size_t extra_size = fields.u16();
    const base::ByteView extra = bytes.subspan(kLocalFileHeaderFixedSize + name_size, extra_size);
    if (base::Status ok = read_extras(extra, header, nullptr); !ok)
        return base::fail(std::move(ok.error()));
    return header;
}

base::Result<CentralDirectoryHeader> parse_central_directory_header(base::ByteView bytes) {
    if (signature_at(bytes, 0) != kCentralDirectoryHeaderSignature) {
        return bad_header("no central directory header here");
    }
    CentralDirectoryHeader header;
    header.header_size = central_directory_header_extent(bytes);
    if (header.header_size == 0 || header.header_size > bytes.size()) {
        return bad_header("the central directory header is cut off");
    }
    Fields fields(bytes.subspan(4));
    header.version_made_by = fields.u16();
    read_common(fields, header);
    const std::size_t name_size = fields.u16();
    const std::size_t extra_size = fields.u16();
    const std::size_t comment_size = fields.u16();
    if (fields.u16() != 0) return bad_header("the entry is on another disk");
    header.internal_attributes = fields.u16();
    header.external_attributes = fields.u32();
    header.local_offset = fields.u32();
    const base::ByteView rest = bytes.subspan(kCentralDirectoryHeaderFixedSize);
    header.name = base::as_text(rest.first(name_size));
    header.comment = base::as_text(rest.subspan(name_size + extra_size, comment_size));
    if (base::Status ok =
            read_extras(rest.subspan(name_size, extra_size), header, &header.local_offset);
        !ok) {
        return base::fail(std::move(ok.error()));
    }
    return header;
}

}  // namespace zip
