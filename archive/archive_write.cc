#include "archive/archive_write.h"

#include <fmt/format.h>

#include "archive/access_hint.h"
#include "base/encoding.h"
#include "base/log.h"

namespace archive {
namespace {

using base::ErrorKind;
using base::Result;
using s3client::Feature;
using s3client::WrittenObject;

// Writes of one archive, the first included: S3 asks for another after a conflict, and a write
// whose object is not there is sent again.
constexpr unsigned kWritesMax = 4;
// Looks at an object that is missing after a success: some stores show a new object late.
constexpr unsigned kLooksMax = 5;
constexpr base::Duration kLookAgainAfter = std::chrono::milliseconds(100);  // doubled each time

// The store may have done what it was asked for: only the answer is missing.
bool is_in_doubt(const base::Error& error) {
    return error.kind == ErrorKind::transient || error.kind == ErrorKind::throttled ||
           error.kind == ErrorKind::corrupt || error.code == "NoSuchUpload";
}

// S3 answers so while another write to the key is under way.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
bool is_conflict(const base::Error& error) { return error.code == "ConditionalRequestConflict"; }

// Swift's 412 has another code than S3's; S3Mock answers 304.
bool says_it_exists(const base::Error& error) {
    return error.http_status == 412 || error.http_status == 304 ||
           error.code == "PreconditionFailed";
}

}  // namespace

ArchiveWrite::ArchiveWrite(s3client::S3Client& client, const Destination& destination,
                           std::string job_id, Use conditional, s3client::CallContext context)
    : client_(client),
      destination_(destination),
      job_id_(std::move(job_id)),
      conditional_(conditional),
      to_(context) {}

io::Task<Result<WrittenArchive>> ArchiveWrite::put(s3client::Body body, ExpectedArchive expected) {
    const auto send = [&](bool conditional) {
        auto headers = object_headers(destination_, job_id_);
        if (conditional) headers.emplace_back("if-none-match", "*");
        return client_.put_object(destination_.bucket, destination_.key, std::move(headers), body,
                                  to_);
    };
    co_return co_await write(Feature::put_condition, send, std::move(expected));
}

io::Task<Result<WrittenArchive>> ArchiveWrite::complete(s3client::CompleteUpload upload,
                                                        ExpectedArchive expected) {
    const auto send = [&](bool conditional) {
        upload.if_none_match = conditional;
        return client_.complete_multipart_upload(upload, to_);
    };
    co_return co_await write(Feature::complete_condition, send, std::move(expected));
}

io::Task<Result<WrittenArchive>> ArchiveWrite::write(Feature condition, Send send,
                                                     ExpectedArchive expected) {
    bool succeeded = false;  // a write did, but its object was not there
    for (unsigned writes = 1;; ++writes) {
        auto written = co_await send_guarded(condition, send);
        if (written) {
            auto confirmed = co_await confirm(std::move(*written), expected);
            if (confirmed || confirmed.error().kind != ErrorKind::not_found) co_return confirmed;
            succeeded = true;
            if (writes == kWritesMax) co_return base::fail(not_there(confirmed.error().detail));
            continue;
        }
        base::Error error = std::move(written.error());
        // Found before the write was sent: an earlier one whose answer was lost may have made it.
        const bool found = error.code == "destination_exists";
        const bool existed = found || says_it_exists(error);
        if (!existed && !is_conflict(error) && !is_in_doubt(error))
            co_return base::fail(with_access_hint(std::move(error), destination_.access));
        Look there = co_await look(nullptr, expected, true);
        // A store that repeated another checksum has other bytes, unless HEAD shows the right one.
        const bool damaged = error.code == "wrong_checksum" && there.head.checksum_crc32.empty();
        if (there.standing == Standing::ours && !damaged)
            co_return WrittenArchive{.object = {there.head.etag, there.head.version_id,
                                                !there.head.checksum_crc32.empty()},
                                     .guard = guard_,
                                     .settled = true};
        const bool taken = there.standing == Standing::other;
        if (taken && !destination_.overwrite && (existed || is_conflict(error))) {
            if (existed && !found) client_.support().note_enforced(condition);
            co_return base::fail(destination_exists(destination_));
        }
        const bool again = there.standing == Standing::nothing && (existed || is_conflict(error));
        if (again && writes < kWritesMax &&
            !(is_conflict(error) && condition == Feature::complete_condition)) {
            const auto jitter = std::chrono::duration<double, std::milli>(
                100.0 * writes * (0.5 + client_.reactor().random().unit()));
            static_cast<void>(co_await client_.reactor().sleep(
                std::chrono::duration_cast<base::Duration>(jitter), to_.cancel));
            continue;
        }
        if (succeeded && error.code == "NoSuchUpload")
            co_return base::fail(not_there("the upload is gone, and no object is there"));
        co_return base::fail(with_access_hint(std::move(error), destination_.access));
    }
}

unsigned looks_before_write(const Destination& destination, bool single_put, Use conditional,
                            const s3client::StoreSupport& support) {
    if (destination.overwrite) return 0;
    const Feature condition = single_put ? Feature::put_condition : Feature::complete_condition;
    const bool enforced = conditional == Use::always ||
                          (conditional == Use::automatic && support.enforces(condition));
    return enforced ? 1 : 2;
}

bool ArchiveWrite::is_conditional(Feature condition) const {
    if (destination_.overwrite || conditional_ == Use::never) return false;
    return conditional_ == Use::always || client_.support().may_use(condition);
}

// With a condition where the store takes one. Unless the store is known to enforce it, the key is
// looked at right before.
io::Task<Result<WrittenObject>> ArchiveWrite::send_guarded(Feature condition, const Send& send) {
    const bool conditional = is_conditional(condition);
    s3client::StoreSupport& support = client_.support();
    const bool enforced =
        conditional && (conditional_ == Use::always || support.enforces(condition));
    guard_ = destination_.overwrite ? OverwriteGuard::none
             : enforced             ? OverwriteGuard::atomic
                                    : OverwriteGuard::checked;
    if (guard_ == OverwriteGuard::checked) {
        if (auto free = co_await check_destination(client_, destination_, to_, job_id_); !free)
            co_return std::unexpected(free.error());
    }
    auto written = co_await send(conditional);
    if (written && conditional) support.accept(condition);
    if (written || !conditional || conditional_ == Use::always) co_return written;
    const base::Error refusal = written.error();
    if (support.state(condition) == s3client::StoreSupport::State::accepted ||
        refusal.http_status == 412 || !s3client::may_be_refusal(refusal) ||
        refusal.code == "InvalidPart")
        co_return written;
    guard_ = OverwriteGuard::checked;
    if (auto free = co_await check_destination(client_, destination_, to_, job_id_); !free)
        co_return std::unexpected(free.error());
    const std::uint64_t known = support.lessons();
    auto again = co_await send(false);
    if (again) {
        // Conclusive if nothing else was left out this time.
        const bool alone = support.lessons() == known;
        support.refuse(condition, alone || s3client::names(refusal, condition));
    }
    co_return again;
}

io::Task<Result<WrittenArchive>> ArchiveWrite::confirm(WrittenObject written,
                                                       const ExpectedArchive& expected) {
    base::Duration wait = kLookAgainAfter;
    for (unsigned looks = 1;; ++looks) {
        Look there = co_await look(&written, expected, looks > 1);
        if (looks == 1 && there.standing == Standing::other) continue;  // see `fresh`
        switch (there.standing) {
            case Standing::ours:
                written.etag = there.head.etag;
                written.checked = written.checked || !there.head.checksum_crc32.empty();
                co_return WrittenArchive{.object = std::move(written), .guard = guard_};
            case Standing::denied:
                base::log_warn(
                    "the archive was written, but may not be looked at: allow "
                    "s3:GetObject for its key to have it confirmed",
                    {{"job", job_id_}, {"bucket", destination_.bucket}, {"key", destination_.key}});
                co_return WrittenArchive{
                    .object = std::move(written), .guard = guard_, .confirmed = false};
            case Standing::other:
                // Two writers came together, and the other one was the last.
                if (!destination_.overwrite && !there.head.job_mark.empty() &&
                    there.head.job_mark != job_id_)
                    co_return base::fail(destination_exists(destination_));
                co_return base::fail(not_there(there.error.detail));
            case Standing::unknown: co_return base::fail(std::move(there.error));
            case Standing::nothing: break;
        }
        if (looks == kLooksMax)
            co_return base::fail(ErrorKind::not_found, "archive_not_there",
                                 "the store says that there is no such object");
        if (!co_await client_.reactor().sleep(wait, to_.cancel))
            co_return base::fail(ErrorKind::cancelled, "cancelled", "cancelled");
        wait *= 2;
    }
}

io::Task<ArchiveWrite::Look> ArchiveWrite::look(const WrittenObject* written,
                                                const ExpectedArchive& expected, bool fresh) {
    s3client::CallContext context = to_;
    context.fresh_connection = fresh;
    const s3client::ObjectVersion object{destination_.bucket, destination_.key,
                                         written != nullptr ? written->version_id : std::string()};
    auto head = co_await client_.head_object(object, s3client::WithChecksum::yes, context);
    // The checksums of an object under a KMS key may need a permission that its size does not.
    if (!head && head.error().kind == ErrorKind::denied)
        head = co_await client_.head_object(object, s3client::WithChecksum::no, context);
    if (!head) {
        const ErrorKind kind = head.error().kind;
        const Standing standing = kind == ErrorKind::not_found ? Standing::nothing
                                  : kind == ErrorKind::denied  ? Standing::denied
                                                               : Standing::unknown;
        co_return Look{standing, {}, std::move(head.error())};
    }
    auto differs = difference(*head, written, expected);
    if (!differs) co_return Look{Standing::ours, std::move(*head), {}};
    Look other{Standing::other, std::move(*head), {}};
    other.error.detail = std::move(*differs);
    co_return other;
}

// How the object that stands there differs from the archive that was written; nothing if it is it.
// At least one of mark, checksum and ETag must agree, and none may differ.
std::optional<std::string> ArchiveWrite::difference(const s3client::ObjectHead& head,
                                                    const WrittenObject* written,
                                                    const ExpectedArchive& expected) const {
    if (head.size != expected.size)
        return fmt::format("it has {} bytes instead of {}", head.size, expected.size);
    if (!head.checksum_crc32.empty() && head.checksum_crc32 != base::crc32_base64(expected.crc32))
        return fmt::format("its CRC-32 is {} instead of {}", head.checksum_crc32,
                           base::crc32_base64(expected.crc32));
    if (!head.composite_crc32.empty() && !expected.composite_crc32.empty() &&
        head.composite_crc32 != expected.composite_crc32)
        return fmt::format("the checksum of its parts is {} instead of {}", head.composite_crc32,
                           expected.composite_crc32);
    // Others may write the same bytes with another class, encryption or tags: the mark decides.
    if (!job_id_.empty() && !head.job_mark.empty()) {
        if (head.job_mark == job_id_) return std::nullopt;
        return fmt::format("it was written by job {}", head.job_mark);
    }
    const bool same_checksum = !head.checksum_crc32.empty() ||
                               (!head.composite_crc32.empty() && !expected.composite_crc32.empty());
    if (same_checksum && (written != nullptr || job_id_.empty())) return std::nullopt;
    if (written != nullptr && !written->etag.empty() && !head.etag.empty()) {
        if (written->etag == head.etag) return std::nullopt;
        return fmt::format("its ETag is {} instead of {}", head.etag, written->etag);
    }
    // A success of a store that gives nothing to compare but the size (RGW 16, of parts).
    if (written != nullptr && job_id_.empty()) return std::nullopt;
    return "nothing about it shows that this job wrote it";
}

base::Error ArchiveWrite::not_there(std::string_view why) const {
    const std::string where = destination_.bucket + "/" + destination_.key;
    return {ErrorKind::corrupt,
            "archive_not_there",
            fmt::format("{}: the write succeeded, but what stands there is not the archive: {}",
                        where, why),
            0,
            {},
            where};
}

}  // namespace archive
