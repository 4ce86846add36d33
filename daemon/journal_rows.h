// What stands in the journal's rows, as plain values, and their bytes.
//
//   kind       number        holds
//   job        0             when it was posted, its Idempotency-Key, its scope
//   body       0..           the request as it was posted, sealed if it names keys of customers
//   cancel     0             somebody asked for its end
//   upload     0..           an upload that was, or may have been, created: UploadRow
//   plan       0             how it was cut, how many chunks its manifest has
//   manifest   0..           archive/manifest_codec.h
//   part       part number   what a part is, before it is sent
//   stored     part number   the ETag that S3 gave it
//   end        0             how it ended
//   report     0..           what was skipped and renamed
//   notice     0             how telling of its end goes
//   ended      0             the time in service when it ended
//   service    0             the time in service, of no job
//
// Decoders trust nothing: what is no row of theirs is corrupt "bad_journal_row". Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/job.h"
#include "archive/job_record.h"
#include "archive/request_scope.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/idempotency.h"

namespace s3zipd {

enum class RowKind : std::uint8_t {
    job = 1,
    body = 2,
    cancel = 3,
    upload = 4,
    // From here to `stored`: erased when the job ends.
    plan = 10,
    manifest = 11,
    part = 12,
    stored = 13,
    end = 20,
    report = 21,
    notice = 22,
    ended = 23,
    service = 30,
};
// As a JournalStore::Key has it.
constexpr std::uint8_t kind_of(RowKind kind) { return static_cast<std::uint8_t>(kind); }

struct JobRow {
    base::UtcTime created_at;
    std::optional<IdempotencyKey> key;
    bool sealed = false;           // the body
    std::uint64_t body_bytes = 0;  // of its rows together
    std::optional<archive::RequestScope> scope{};
};

struct UploadRow {
    enum class State : std::uint8_t {
        asked,  // CreateMultipartUpload may have been sent; its answer is not known
        open,
        over,  // nothing is left of it in S3
    };
    State state = State::asked;
    base::UtcTime asked_at;
    std::optional<base::UtcTime> settled_at;  // when the answer came, or nobody waited any more
    std::string upload_id;
    bool checked = false;
    s3client::ChecksumMode checksums = s3client::ChecksumMode::full_object;
};

struct PlanRow {
    archive::PlanRecord plan;
    std::uint64_t chunks = 0;
    std::uint64_t uploads_before = 0;  // uploads of these numbers are not of this plan
};

// A job that has ended: its last snapshot, but for the report.
struct EndRow {
    archive::JobSnapshot snapshot;
    std::uint64_t report_chunks = 0;
};

struct NoticeRow {
    unsigned attempts = 0;
    bool delivered = false;
    bool given_up = false;
    bool over() const { return delivered || given_up; }
};

// How long s3zipd has been in service (clock_watch.h).
struct ServiceTimeRow {
    std::chrono::seconds time{};
};

std::string encode(const JobRow& row);
std::string encode(const UploadRow& row);
std::string encode(const PlanRow& row);
std::string encode(const archive::PartRecord& row);
std::string encode(const EndRow& row);
std::string encode(const NoticeRow& row);
std::string encode(const ServiceTimeRow& row);

template <typename Row>
base::Result<Row> decode(std::string_view bytes);

}  // namespace s3zipd
