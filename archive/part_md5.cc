// PartBuilder's comparison of objects with an ETag that is an MD5 (VerifySources::md5), for those
// of which S3 has stored no CRC-32. MD5 needs the bytes in order:
//   - of an object that is whole in the part they are hashed in the part's memory;
//   - one that spans parts is read a second time, in order. The CRC-32 of that pass must be that of
//     what the parts have, so the archive holds the bytes whose MD5 was right.
#include <fmt/format.h>
#include <algorithm>

#include "archive/access_hint.h"
#include "archive/part_builder.h"
#include "archive/source_errors.h"
#include "base/encoding.h"
#include "s3client/md5.h"
#include "zip/crc32.h"

namespace archive {
namespace {

// Hashed without a break: 1 to 2 ms of the reactor.
constexpr std::uint64_t kHashBytes = 1 << 20;
constexpr std::size_t kScratchBytes = 128 << 10;
constexpr base::Duration kStoredCrcTimeout = std::chrono::seconds(20);

// Keeps nothing of what it receives but its checksums.
class HashingReceiver final : public s3client::BodyReceiver {
  public:
    HashingReceiver() : scratch_(kScratchBytes) {}
    base::Bytes buffer() override { return scratch_; }
    void received(std::size_t n) override {
        const base::ByteView bytes = base::ByteView(scratch_).first(n);
        crc32_ = zip::crc32_update(crc32_, bytes);
        md5_.update(bytes);
    }
    std::uint32_t crc32() const { return crc32_; }
    std::string md5() { return md5_.hex(); }

  private:
    std::vector<std::byte> scratch_;
    s3client::Md5 md5_;
    std::uint32_t crc32_ = 0;
};

base::Status compare_md5(const std::string& bucket, const ShardEntry& entry,
                         const std::string& md5) {
    const bool same = std::ranges::equal(md5, entry.etag, [](char digit, char c) {
        return digit == (c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
    });
    if (same) return {};
    base::Error error = checksum_mismatch(bucket, entry, 0, 0);
    error.detail = fmt::format(
        "{}: its ETag is the MD5 {}, what S3 gave has {}; if this store's ETags are no MD5, leave "
        "out verify_sources",
        error.key, entry.etag, md5);
    return base::fail(std::move(error));
}

}  // namespace

// Whether the ETag may be the object's MD5. The answers to its GETs may say that it is not.
bool PartBuilder::wants_md5(const ShardEntry& entry) const {
    return shard_.verify_sources == VerifySources::md5 && !entry.has_text && entry.size > 0 &&
           s3client::looks_like_md5(entry.etag) &&
           !shard_.buckets[entry.bucket].access.customer_key;
}

// All of the entry's data is in this part, behind its header.
bool PartBuilder::is_whole(std::size_t header_segment) const {
    if (header_segment + 1 == part_.segments.size()) return false;
    const Segment& data = part_.segments[header_segment + 1];
    return data.kind == Segment::Kind::data && data.entry == part_.segments[header_segment].entry &&
           data.length == shard_.entries[data.entry].size;
}

void PartBuilder::note_answer(std::uint32_t entry, bool opaque_etag, bool has_stored_crc) {
    if (opaque_etag || has_stored_crc) without_md5_.insert(entry);
}

void PartBuilder::spawn_md5_reads(io::TaskScope& scope) {
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind != Segment::Kind::header || segment.offset != 0) continue;
        if (wants_md5(shard_.entries[segment.entry]) && !is_whole(s)) scope.spawn(read_for_md5(s));
    }
}

io::Task<void> PartBuilder::read_for_md5(std::size_t header_segment) {
    auto done = co_await read_in_order(header_segment);
    if (done || !failure_) co_return;
    failure_ = std::move(done);
    if (context_.call.cancel != nullptr) context_.call.cancel->cancel();
}

io::Task<base::Status> PartBuilder::read_in_order(std::size_t header_segment) {
    const ShardEntry& entry = shard_.entries[part_.segments[header_segment].entry];
    const s3client::AccessedBucket& bucket = shard_.buckets[entry.bucket];
    const s3client::ObjectVersion object{bucket.name, entry.key, entry.version_id};
    // With a stored CRC-32 there is no pass, and write_headers() compares it; ask_stored_crc() does
    // not ask for that of every object that spans parts. Without an answer the pass is made.
    s3client::CallContext call = context_.call_with(bucket.access);
    call.timeout = kStoredCrcTimeout;
    const auto head =
        co_await context_.client.head_object(object, s3client::WithChecksum::yes, call);
    if (head && head->etag == entry.etag) {
        if (const auto crc = base::crc32_from_base64(head->checksum_crc32)) {
            stored_crcs_[header_segment] = *crc;
            co_return base::Status{};
        }
    }
    HashingReceiver receiver;
    for (std::uint64_t done = 0; done < entry.size && failure_; done += kRangeBytes) {
        bool opaque_etag = false;
        auto got = co_await context_.client.get_object(
            {.object = object,
             .etag = entry.etag,
             .object_size = entry.size,
             .range = {done, std::min(kRangeBytes, entry.size - done)},
             .opaque_etag = &opaque_etag},
            receiver, context_.call_with(bucket.access));
        if (!got) {
            co_return base::fail(
                with_access_hint(source_error(std::move(got.error())), bucket.access));
        }
        if (opaque_etag) co_return base::Status{};
    }
    if (!failure_) co_return base::Status{};
    if (auto same = compare_md5(bucket.name, entry, receiver.md5()); !same) co_return same;
    md5_read_crcs_[header_segment] = receiver.crc32();
    co_return base::Status{};
}

base::Status PartBuilder::compare_with_md5_read(std::size_t header_segment, std::uint32_t crc32) {
    const auto found = md5_read_crcs_.find(header_segment);
    if (found == md5_read_crcs_.end()) return {};
    if (found->second == crc32) {
        ++compared_;
        return {};
    }
    const ShardEntry& entry = shard_.entries[part_.segments[header_segment].entry];
    base::Error error =
        checksum_mismatch(shard_.buckets[entry.bucket].name, entry, found->second, crc32);
    error.detail = fmt::format(
        "{}: the bytes with the MD5 of its ETag have CRC-32 {:08x}, what S3 gave at another time "
        "has {:08x}",
        error.key, found->second, crc32);
    return base::fail(std::move(error));
}

// Once all bytes are there.
io::Task<base::Status> PartBuilder::check_md5s() {
    std::uint64_t hashed = 0;
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind != Segment::Kind::header || segment.offset != 0 || !is_whole(s)) continue;
        if (!wants_md5(shard_.entries[segment.entry])) continue;
        if (without_md5_.contains(segment.entry) || stored_crcs_.contains(s)) continue;
        if (auto same = co_await check_md5(s, hashed); !same) co_return same;
        ++compared_;
    }
    co_return base::Status{};
}

// `hashed`: the bytes since whatever else the reactor has to do had its turn.
io::Task<base::Status> PartBuilder::check_md5(std::size_t header_segment, std::uint64_t& hashed) {
    const Segment& data = part_.segments[header_segment + 1];
    const ShardEntry& entry = shard_.entries[data.entry];
    s3client::Md5 md5;
    for (std::uint64_t done = 0; done < data.length;) {
        const base::ByteView bytes = memory_.at(places_[header_segment + 1] + done,
                                                std::min(kHashBytes, data.length - done));
        md5.update(bytes);
        done += bytes.size();
        hashed += bytes.size();
        if (hashed < kHashBytes) continue;
        hashed = 0;
        if (!co_await context_.reactor.sleep({}, context_.call.cancel))
            co_return base::fail(base::ErrorKind::cancelled, "cancelled", "cancelled");
    }
    co_return compare_md5(shard_.buckets[entry.bucket].name, entry, md5.hex());
}

}  // namespace archive
