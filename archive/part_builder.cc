#include "archive/part_builder.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/access_hint.h"
#include "archive/recorded.h"
#include "archive/source_errors.h"
#include "base/check.h"
#include "base/encoding.h"
#include "zip/crc32.h"
#include "zip/records.h"

namespace archive {
namespace {

// GETs under way for one part; small objects need many to hide S3's latency.
constexpr std::size_t kFetchWindow = 64;
// What is nice to have does not keep a part waiting for longer.
constexpr base::Duration kStoredCrcTimeout = std::chrono::seconds(20);

// Receives a run of bytes into part memory and takes their CRC while they are in the cache.
class PartReceiver final : public s3client::BodyReceiver {
  public:
    PartReceiver(io::PartMemory& memory, std::size_t at, std::uint64_t length)
        : memory_(memory), at_(at), left_(length) {}
    base::Bytes buffer() override { return memory_.at(at_, left_); }
    void received(std::size_t n) override {
        crc32_ = zip::crc32_update(crc32_, memory_.at(at_, left_).first(n));
        at_ += n;
        left_ -= n;
    }
    std::uint32_t crc32() const { return crc32_; }

  private:
    io::PartMemory& memory_;
    std::size_t at_;
    std::uint64_t left_;
    std::uint32_t crc32_ = 0;
};

// Whole objects come with what S3 has stored of them; of others it must be asked.
bool in_ranges(const ShardEntry& entry) { return !entry.has_text() && entry.size > kRangeBytes; }

zip::Entry to_entry(const ShardEntry& e) {
    return {.name = e.name,
            .size = e.size,
            .mtime_unix_s = e.mtime_unix_s,
            .unix_mode = e.is_directory ? zip::kDirectoryMode : zip::kFileMode,
            .is_directory = e.is_directory};
}

}  // namespace

PartBuilder::PartBuilder(const ShardContext& context, const ShardPlan& shard, const ShardPart& part,
                         io::PartMemory memory)
    : context_(context.in_order(memory.number())),
      shard_(shard),
      part_(part),
      memory_(std::move(memory)),
      segment_crcs_(part.segments.size()) {
    CHECK(memory_.size() == part.size);
    places_.reserve(part.segments.size());
    std::size_t at = 0;
    for (const Segment& segment : part.segments) {
        places_.push_back(at);
        at += segment.length;
    }
    CHECK(at == part.size);
    plan_fetches();
}

void PartBuilder::plan_fetches() {
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind != Segment::Kind::data) continue;
        if (const ShardEntry& entry = shard_.entries[segment.entry]; entry.has_text()) {
            CHECK(entry.text.size() == segment.length);
            const base::ByteView bytes = base::as_bytes(entry.text);
            memory_.write(places_[s], bytes);
            segment_crcs_[s] = zip::crc32_update(0, bytes);
            continue;
        }
        for (std::uint64_t done = 0; done < segment.length; done += kRangeBytes) {
            fetches_.push_back({s, segment.offset + done,
                                std::min(kRangeBytes, segment.length - done), places_[s] + done,
                                0});
        }
    }
}

io::Task<base::Status> PartBuilder::fetch() {
    io::TaskScope scope(context_.reactor);
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind == Segment::Kind::header && in_ranges(shard_.entries[segment.entry]))
            scope.spawn(ask_stored_crc(s));
    }
    spawn_md5_reads(scope);
    for (std::size_t i = 0; i < std::min(kFetchWindow, fetches_.size()); ++i)
        scope.spawn(fetch_some());
    co_await scope.join();
    if (failure_) combine_fetches();
    if (failure_) failure_ = co_await check_md5s();
    co_return failure_;
}

io::Task<void> PartBuilder::fetch_some() {
    while (next_fetch_ < fetches_.size() && failure_) {
        Fetch& fetch = fetches_[next_fetch_++];
        auto fetched = co_await fetch_one(fetch);
        if (fetched || !failure_) continue;
        failure_ = std::move(fetched);
        if (context_.call.cancel != nullptr) context_.call.cancel->cancel();
    }
}

io::Task<base::Status> PartBuilder::fetch_one(Fetch& fetch) {
    const ShardEntry& entry = shard_.entries[part_.segments[fetch.segment].entry];
    const s3client::AccessedBucket& bucket = shard_.buckets[entry.bucket];
    for (int attempt = 1;; ++attempt) {
        PartReceiver receiver(memory_, fetch.at, fetch.length);
        bool opaque_etag = false;
        auto got = co_await context_.client.get_object(
            {.object = {bucket.name, entry.key, entry.version_id},
             .etag = entry.etag,
             .object_size = entry.size,
             .range = {fetch.object_offset, fetch.length},
             .opaque_etag = &opaque_etag},
            receiver, context_.call_with(bucket.access));
        if (!got) {
            co_return base::fail(
                with_access_hint(source_error(std::move(got.error())), bucket.access));
        }
        note_answer(part_.segments[fetch.segment].entry, opaque_etag, got->has_value());
        fetch.crc32 = receiver.crc32();
        if (!*got) co_return base::Status{};
        if (**got == fetch.crc32) {
            ++compared_;
            co_return base::Status{};
        }
        // It may have been the way: once more.
        if (attempt == 2)
            co_return base::fail(checksum_mismatch(bucket.name, entry, **got, fetch.crc32));
    }
}

// What S3 has stored of an object that is read in ranges. Where it cannot be had there is nothing
// to compare with.
io::Task<void> PartBuilder::ask_stored_crc(std::size_t segment) {
    const ShardEntry& entry = shard_.entries[part_.segments[segment].entry];
    const s3client::AccessedBucket& bucket = shard_.buckets[entry.bucket];
    s3client::CallContext call = context_.call_with(bucket.access);
    call.timeout = kStoredCrcTimeout;
    auto head = co_await context_.client.head_object({bucket.name, entry.key, entry.version_id},
                                                     s3client::WithChecksum::yes, call);
    if (!head || head->etag != entry.etag) co_return;
    if (const auto crc = base::crc32_from_base64(head->checksum_crc32))
        stored_crcs_[segment] = *crc;
}

void PartBuilder::combine_fetches() {
    for (const Fetch& fetch : fetches_) {  // in order of their places
        std::uint32_t& crc = segment_crcs_[fetch.segment];
        crc = zip::crc32_combine(crc, fetch.crc32, fetch.length);
    }
}

base::Status PartBuilder::write_headers() {
    std::vector<std::byte> bytes;
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind != Segment::Kind::header) continue;
        const ShardEntry& entry = shard_.entries[segment.entry];
        std::uint32_t crc = 0;
        std::uint64_t here = 0;  // bytes of the entry that are in this part
        if (s + 1 < part_.segments.size() && part_.segments[s + 1].kind == Segment::Kind::data &&
            part_.segments[s + 1].entry == segment.entry) {
            crc = segment_crcs_[s + 1];
            here = part_.segments[s + 1].length;
        }
        if (here < entry.size) {
            CHECK(entry.rest_crc32.has_value());
            crc = zip::crc32_combine(crc, *entry.rest_crc32, entry.size - here);
        }
        if (const auto stored = stored_crcs_.find(s); stored != stored_crcs_.end()) {
            if (stored->second != crc) {
                return base::fail(checksum_mismatch(shard_.buckets[entry.bucket].name, entry,
                                                    stored->second, crc));
            }
            ++compared_;
        }
        if (auto same = compare_with_md5_read(s, crc); !same) return same;
        bytes.resize(segment.length);
        zip::encode_local_file_header(to_entry(entry), crc, bytes);
        memory_.write(places_[s], bytes);
        segment_crcs_[s] = zip::crc32_update(0, bytes);
    }
    return {};
}

void PartBuilder::write_directory(zip::CentralDirectory& directory) {
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind != Segment::Kind::directory) continue;
        for (std::uint64_t done = 0; done < segment.length;) {
            const base::Bytes to = memory_.at(places_[s] + done, segment.length - done);
            directory.read(segment.offset + done, to);
            segment_crcs_[s] = zip::crc32_update(segment_crcs_[s], to);
            done += to.size();
        }
    }
}

std::vector<PieceCrc> PartBuilder::pieces() const {
    std::vector<PieceCrc> pieces;
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind != Segment::Kind::data) continue;
        pieces.push_back({shard_.entries[segment.entry].index, segment.offset, segment.length,
                          segment_crcs_[s]});
    }
    return pieces;
}

s3client::Body PartBuilder::body(std::vector<base::ByteView>& views) const {
    std::uint32_t crc = 0;
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        crc = zip::crc32_combine(crc, segment_crcs_[s], part_.segments[s].length);
    }
    views = memory_.pieces();
    return {views, part_.size, crc};
}

io::Task<void> PartBuilder::record(std::uint32_t crc32) const {
    if (context_.recorder == nullptr) co_return;
    PartRecord record{{part_.number, part_.size, crc32, {}}, pieces(), compared_};
    co_await recorded(context_.reactor, [&](JobRecorder::Done done) {
        context_.recorder->part_ready(std::move(record), std::move(done));
    });
}

}  // namespace archive
