#include "daemon/journal_rows.h"

#include "base/packed.h"

namespace s3zipd {
namespace {

using base::PackedReader;
using base::PackedWriter;

// Before each row's fields, so that a later version can add to them.
constexpr std::uint8_t kRowVersion = 1;
constexpr std::uint64_t kServiceTimeMax = 1'000ULL * 366 * 24 * 3600;  // seconds
// Ends the plan of a job whose parts are uniform (archive/part_layout.h).
constexpr std::uint8_t kUniformParts = 1;

PackedWriter versioned() {
    PackedWriter out;
    out.byte(kRowVersion);
    return out;
}

void write_time(PackedWriter& out, base::UtcTime time) {
    out.signed_number(time.time_since_epoch().count());
}
base::UtcTime read_time(PackedReader& in) {
    return base::UtcTime(base::UtcTime::duration(in.signed_number()));
}
void write_time(PackedWriter& out, const std::optional<base::UtcTime>& time) {
    out.byte(time ? 1 : 0);
    if (time) write_time(out, *time);
}
std::optional<base::UtcTime> read_optional_time(PackedReader& in) {
    if (in.byte() == 0) return std::nullopt;
    return read_time(in);
}

// One byte: the store checked our checksums (bit 0), their ChecksumMode (bits 1 and 2); in results
// also the OverwriteGuard (bits 3 and 4) and kUnconfirmed. Rows of version 0.1 have bit 0 only.
constexpr unsigned kModeShift = 1, kGuardShift = 3, kUnconfirmed = 1U << 5;

unsigned pack_checks(bool checked, s3client::ChecksumMode mode) {
    return (checked ? 1U : 0U) | static_cast<unsigned>(mode) << kModeShift;
}

void unpack_checks(PackedReader& in, std::uint8_t byte, bool& checked,
                   s3client::ChecksumMode& mode) {
    checked = (byte & 1U) != 0;
    const unsigned value = (byte >> kModeShift) & 3U;
    if (value > static_cast<unsigned>(s3client::ChecksumMode::none)) in.fail();
    mode = static_cast<s3client::ChecksumMode>(value);
}

void write_result(PackedWriter& out, const archive::ArchiveResult& result) {
    out.text(result.bucket);
    out.text(result.key);
    out.text(result.etag);
    out.text(result.version_id);
    out.number(result.size);
    out.number(result.entries);
    out.word(result.crc32);
    out.byte(static_cast<std::uint8_t>(pack_checks(result.checked, result.checksums) |
                                       static_cast<unsigned>(result.guard) << kGuardShift |
                                       (result.confirmed ? 0 : kUnconfirmed)));
    out.number(result.compared);
    out.text(result.fingerprint);
    out.byte(result.reused ? 1 : 0);
}

archive::ArchiveResult read_result(PackedReader& in) {
    archive::ArchiveResult result;
    result.bucket = in.text();
    result.key = in.text();
    result.etag = in.text();
    result.version_id = in.text();
    result.size = in.number();
    result.entries = in.number();
    result.crc32 = in.word();
    const std::uint8_t checks = in.byte();
    unpack_checks(in, checks, result.checked, result.checksums);
    const unsigned guard = (checks >> kGuardShift) & 3U;
    if (guard > static_cast<unsigned>(archive::OverwriteGuard::atomic)) in.fail();
    result.guard = static_cast<archive::OverwriteGuard>(guard);
    result.confirmed = (checks & kUnconfirmed) == 0;
    result.compared = in.number();
    result.fingerprint = in.text();
    result.reused = in.byte() != 0;
    return result;
}

void write_error(PackedWriter& out, const base::Error& error) {
    out.byte(static_cast<std::uint8_t>(error.kind));
    out.text(error.code);
    out.text(error.detail);
    out.signed_number(error.http_status);
    out.text(error.request_id);
    out.text(error.key);
}

base::Error read_error(PackedReader& in) {
    base::Error error;
    const std::uint8_t kind = in.byte();
    if (kind > static_cast<std::uint8_t>(base::ErrorKind::bug)) in.fail();
    error.kind = static_cast<base::ErrorKind>(kind);
    error.code = in.text();
    error.detail = in.text();
    error.http_status = static_cast<int>(in.signed_number());
    error.request_id = in.text();
    error.key = in.text();
    return error;
}

using Prefixes = std::optional<std::vector<archive::ObjectPrefix>>;

void write_prefixes(PackedWriter& out, const Prefixes& prefixes) {
    out.byte(prefixes ? 1 : 0);
    if (!prefixes) return;
    out.number(prefixes->size());
    for (const auto& [bucket, prefix] : *prefixes) {
        out.text(bucket);
        out.text(prefix);
    }
}
void read_prefixes(PackedReader& in, Prefixes& prefixes) {
    if (in.byte() == 0) return;
    prefixes.emplace();
    std::uint64_t left = in.number();
    for (; left > 0 && in.left() > 0; --left) {
        std::string bucket(in.text());
        prefixes->push_back({std::move(bucket), std::string(in.text())});
    }
    if (left > 0) in.fail();  // fewer would be another scope
    prefixes = archive::narrowed(std::move(*prefixes));
}

void read(PackedReader& in, JobRow& row) {
    row.created_at = read_time(in);
    if (in.byte() != 0) {
        IdempotencyKey& key = row.key.emplace();
        key.key = in.text();
        key.body_digest = in.number();
        key.body_bytes = in.number();
    }
    row.sealed = in.byte() != 0;
    row.body_bytes = in.number();
    if (in.at_end()) return;
    row.scope.emplace();
    read_prefixes(in, row.scope->sources);
    read_prefixes(in, row.scope->destinations);
}

void read(PackedReader& in, UploadRow& row) {
    const std::uint8_t state = in.byte();
    if (state > static_cast<std::uint8_t>(UploadRow::State::over)) in.fail();
    row.state = static_cast<UploadRow::State>(state);
    row.asked_at = read_time(in);
    row.settled_at = read_optional_time(in);
    row.upload_id = in.text();
    unpack_checks(in, in.byte(), row.checked, row.checksums);
}

void read(PackedReader& in, PlanRow& row) {
    row.plan.cut_bytes = in.number();
    row.plan.archive_size = in.number();
    row.plan.parts = in.number();
    row.plan.digest = in.number();
    row.plan.fingerprint = in.text();
    row.chunks = in.number();
    row.uploads_before = in.number();
    if (in.at_end()) return;  // the parts end where entries end
    if (in.byte() != kUniformParts) in.fail();
    row.plan.layout = archive::PartLayout::uniform;
}

void read(PackedReader& in, archive::PartRecord& row) {
    row.part.number = static_cast<std::uint32_t>(in.number());
    row.part.size = in.number();
    row.part.crc32 = in.word();
    row.compared = in.number();
    const std::uint64_t pieces = in.number();
    std::uint64_t entry = 0;
    for (std::uint64_t i = 0; i < pieces && in.ok(); ++i) {
        archive::PieceCrc& piece = row.pieces.emplace_back();
        piece.entry = entry += in.number();
        piece.offset = in.number();
        piece.length = in.number();
        piece.crc32 = in.word();
    }
}

void read(PackedReader& in, EndRow& row) {
    archive::JobSnapshot& s = row.snapshot;
    const std::uint8_t state = in.byte();
    s.state = static_cast<archive::JobState>(state);
    if (state > static_cast<std::uint8_t>(archive::JobState::cancelled) ||
        !archive::has_ended(s.state))
        in.fail();
    s.started_at = read_optional_time(in);
    s.finished_at = read_optional_time(in);
    for (auto* number : {&s.objects_total, &s.objects_done, &s.bytes_total, &s.bytes_done,
                         &s.parts_total, &s.parts_done})
        *number = in.number();
    const std::uint64_t operations = in.number();
    for (std::uint64_t i = 0; i < operations && in.ok(); ++i) {
        const std::uint64_t count = in.number();
        if (i < s.requests.size()) s.requests[i] = count;
    }
    if (s.state == archive::JobState::succeeded)
        s.result = read_result(in);
    else
        s.error = read_error(in);
    row.report_chunks = in.number();
    if (in.at_end()) return;  // of a version without these
    for (auto& entered : s.entered) entered = read_optional_time(in);
}

void read(PackedReader& in, NoticeRow& row) {
    row.attempts = static_cast<unsigned>(in.number());
    row.delivered = in.byte() != 0;
    row.given_up = in.byte() != 0;
}

void read(PackedReader& in, ServiceTimeRow& row) {
    const std::uint64_t seconds = in.number();
    if (seconds > kServiceTimeMax) in.fail();
    row.time = std::chrono::seconds(seconds);
}

}  // namespace

std::string encode(const JobRow& row) {
    PackedWriter out = versioned();
    write_time(out, row.created_at);
    out.byte(row.key ? 1 : 0);
    if (row.key) {
        out.text(row.key->key);
        out.number(row.key->body_digest);
        out.number(row.key->body_bytes);
    }
    out.byte(row.sealed ? 1 : 0);
    out.number(row.body_bytes);
    if (row.scope) {
        write_prefixes(out, row.scope->sources);
        write_prefixes(out, row.scope->destinations);
    }
    return out.take();
}

std::string encode(const UploadRow& row) {
    PackedWriter out = versioned();
    out.byte(static_cast<std::uint8_t>(row.state));
    write_time(out, row.asked_at);
    write_time(out, row.settled_at);
    out.text(row.upload_id);
    out.byte(static_cast<std::uint8_t>(pack_checks(row.checked, row.checksums)));
    return out.take();
}

std::string encode(const PlanRow& row) {
    PackedWriter out = versioned();
    out.number(row.plan.cut_bytes);
    out.number(row.plan.archive_size);
    out.number(row.plan.parts);
    out.number(row.plan.digest);
    out.text(row.plan.fingerprint);
    out.number(row.chunks);
    out.number(row.uploads_before);
    // Without it, earlier versions read the row, too.
    if (row.plan.layout == archive::PartLayout::uniform) out.byte(kUniformParts);
    return out.take();
}

std::string encode(const archive::PartRecord& row) {
    PackedWriter out = versioned();
    out.number(row.part.number);
    out.number(row.part.size);
    out.word(row.part.crc32);
    out.number(row.compared);
    out.number(row.pieces.size());
    std::uint64_t entry = 0;
    for (const archive::PieceCrc& piece : row.pieces) {  // by rising entry
        out.number(piece.entry - entry);
        entry = piece.entry;
        out.number(piece.offset);
        out.number(piece.length);
        out.word(piece.crc32);
    }
    return out.take();
}

std::string encode(const EndRow& row) {
    PackedWriter out = versioned();
    const archive::JobSnapshot& s = row.snapshot;
    out.byte(static_cast<std::uint8_t>(s.state));
    write_time(out, s.started_at);
    write_time(out, s.finished_at);
    for (const std::uint64_t number : {s.objects_total, s.objects_done, s.bytes_total, s.bytes_done,
                                       s.parts_total, s.parts_done})
        out.number(number);
    out.number(s.requests.size());
    for (const std::uint64_t count : s.requests) out.number(count);
    if (s.state == archive::JobState::succeeded)
        write_result(out, s.result.value_or(archive::ArchiveResult{}));
    else
        write_error(out, s.error.value_or(base::Error{}));
    out.number(row.report_chunks);
    if (s.entered != archive::StageTimes{}) {
        for (const auto& entered : s.entered) write_time(out, entered);
    }
    return out.take();
}

std::string encode(const NoticeRow& row) {
    PackedWriter out = versioned();
    out.number(row.attempts);
    out.byte(row.delivered ? 1 : 0);
    out.byte(row.given_up ? 1 : 0);
    return out.take();
}

std::string encode(const ServiceTimeRow& row) {
    PackedWriter out = versioned();
    out.number(static_cast<std::uint64_t>(row.time.count()));
    return out.take();
}

template <typename Row>
base::Result<Row> decode(std::string_view bytes) {
    PackedReader in(bytes);
    Row row;
    if (in.byte() == kRowVersion) {
        read(in, row);
        if (in.at_end()) return row;
    }
    return base::fail(base::ErrorKind::corrupt, "bad_journal_row",
                      "a row of the journal is none that this version of s3zipd writes");
}

template base::Result<JobRow> decode(std::string_view bytes);
template base::Result<UploadRow> decode(std::string_view bytes);
template base::Result<PlanRow> decode(std::string_view bytes);
template base::Result<archive::PartRecord> decode(std::string_view bytes);
template base::Result<EndRow> decode(std::string_view bytes);
template base::Result<NoticeRow> decode(std::string_view bytes);
template base::Result<ServiceTimeRow> decode(std::string_view bytes);

}  // namespace s3zipd
