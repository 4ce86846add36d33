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

// Reads for a CRC only under way for one part, and the memory that each has.
constexpr std::size_t kRestWindow = 4;
constexpr std::size_t kScratchBytes = 64 << 10;

zip::Entry to_entry(const ShardEntry& e) {
    return {.name = e.name,
            .size = e.size,
            .mtime_unix_s = e.mtime_unix_s,
            .unix_mode = e.is_directory ? zip::kDirectoryMode : zip::kFileMode,
            .is_directory = e.is_directory};
}

}  // namespace

// Takes the CRC of a run of bytes while they are in the cache.
class PartBuilder::Receiver : public s3client::BodyReceiver {
  public:
    // The run has `length` bytes; `at` is its place in the part.
    void begin(std::size_t at, std::uint64_t length) {
        at_ = at;
        left_ = length;
        crc32_ = 0;
    }
    base::Bytes buffer() final { return memory(at_, left_); }
    void received(std::size_t n) final {
        crc32_ = zip::crc32_update(crc32_, memory(at_, left_).first(n));
        at_ += n;
        left_ -= n;
    }
    std::size_t at() const { return at_; }
    std::uint32_t crc32() const { return crc32_; }

  private:
    virtual base::Bytes memory(std::size_t at, std::uint64_t limit) = 0;
    std::size_t at_ = 0;
    std::uint64_t left_ = 0;
    std::uint32_t crc32_ = 0;
};

class PartBuilder::PartReceiver final : public Receiver {
  public:
    explicit PartReceiver(io::PartMemory& memory) : memory_(memory) {}

  private:
    base::Bytes memory(std::size_t at, std::uint64_t limit) override {
        return memory_.at(at, limit);
    }
    io::PartMemory& memory_;
};

// Keeps nothing but the CRC.
class PartBuilder::ScratchReceiver final : public Receiver {
  public:
    ScratchReceiver() : scratch_(kScratchBytes) {}

  private:
    base::Bytes memory(std::size_t, std::uint64_t limit) override {
        return base::Bytes(scratch_).first(std::min<std::uint64_t>(scratch_.size(), limit));
    }
    std::vector<std::byte> scratch_;
};

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
        if (const ShardEntry& entry = shard_.entries[segment.entry]; entry.has_text) {
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
        if (segment.kind != Segment::Kind::header) continue;
        const ShardEntry& entry = shard_.entries[segment.entry];
        if (!entry.rest.empty())
            scope.spawn(fetch_rest(s));
        else if (entry.wants_stored_crc32())
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

void PartBuilder::note_failure(base::Error error) {
    if (!failure_) return;
    failure_ = std::unexpected(std::move(error));
    if (context_.call.cancel != nullptr) context_.call.cancel->cancel();
}

io::Task<void> PartBuilder::fetch_some() {
    PartReceiver receiver(memory_);
    while (next_fetch_ < fetches_.size() && failure_) {
        Fetch& fetch = fetches_[next_fetch_++];
        receiver.begin(fetch.at, fetch.length);
        const ShardEntry& entry = shard_.entries[part_.segments[fetch.segment].entry];
        auto fetched = co_await fetch_one(entry, {fetch.object_offset, fetch.length}, receiver);
        if (!fetched) {
            note_failure(std::move(fetched.error()));
            continue;
        }
        fetch.crc32 = receiver.crc32();
        compared_ += *fetched ? 1 : 0;
    }
}

io::Task<base::Result<std::optional<std::uint32_t>>> PartBuilder::fetch_one(
    const ShardEntry& entry, s3client::ByteRange range, Receiver& receiver) {
    const s3client::AccessedBucket& bucket = shard_.buckets[entry.bucket];
    const std::size_t at = receiver.at();
    for (int attempt = 1;; ++attempt) {
        receiver.begin(at, range.length);
        bool opaque_etag = false;
        auto got = co_await context_.client.get_object(
            {.object = {bucket.name, entry.key, entry.version_id},
             .etag = entry.etag,
             .object_size = entry.size,
             .range = range,
             .opaque_etag = &opaque_etag},
            receiver, context_.call_with(bucket.access));
        if (!got) {
            co_return base::fail(
                with_access_hint(source_error(std::move(got.error())), bucket.access));
        }
        note_answer(static_cast<std::uint32_t>(&entry - shard_.entries.data()), opaque_etag,
                    got->has_value());
        if (!*got || **got == receiver.crc32()) co_return *got;
        // It may have been the way: once more.
        if (attempt == 2)
            co_return base::fail(checksum_mismatch(bucket.name, entry, **got, receiver.crc32()));
    }
}

// Determines the CRCs of the runs that are unknown. With the stored CRC of the whole object the
// last run needs no GET: combine_fetches() derives its CRC. Its own part confirms it.
io::Task<void> PartBuilder::fetch_rest(std::size_t header_segment) {
    const ShardEntry& entry = shard_.entries[part_.segments[header_segment].entry];
    rest_ = entry.rest;
    rest_header_ = header_segment;
    if (entry.wants_stored_crc32()) co_await ask_stored_crc(header_segment);
    const bool is_stored = stored_crcs_.contains(header_segment);
    for (std::size_t r = 0; r < rest_.size(); ++r) {
        const RestRun& run = rest_[r];
        if (run.crc32 || (is_stored && r + 1 == rest_.size())) continue;
        for (std::uint64_t done = 0; done < run.length; done += kRangeBytes) {
            rest_fetches_.push_back(
                {r, run.offset + done, std::min(kRangeBytes, run.length - done), 0});
        }
    }
    io::TaskScope scope(context_.reactor);
    for (std::size_t i = 0; i < std::min(kRestWindow, rest_fetches_.size()); ++i)
        scope.spawn(fetch_some_of_rest());
    co_await scope.join();
}

io::Task<void> PartBuilder::fetch_some_of_rest() {
    ScratchReceiver receiver;
    while (next_rest_fetch_ < rest_fetches_.size() && failure_) {
        RestFetch& fetch = rest_fetches_[next_rest_fetch_++];
        receiver.begin(0, fetch.length);
        auto fetched =
            co_await fetch_one(shard_.entries.back(), {fetch.offset, fetch.length}, receiver);
        if (!fetched) note_failure(std::move(fetched.error()));
        fetch.crc32 = receiver.crc32();
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
    for (const RestFetch& fetch : rest_fetches_) {  // in order of their offsets
        std::optional<std::uint32_t>& crc = rest_[fetch.run].crc32;
        crc = zip::crc32_combine(crc.value_or(0), fetch.crc32, fetch.length);
    }
    if (rest_.empty() || rest_.back().crc32) return;
    // crc(A + B) = combine(crc(A), 0) xor crc(B), where the second is as long as B.
    std::uint32_t before = crc32_here(rest_header_);
    for (std::size_t r = 0; r + 1 < rest_.size(); ++r)
        before = zip::crc32_combine(before, *rest_[r].crc32, rest_[r].length);
    rest_.back().crc32 =
        stored_crcs_.at(rest_header_) ^ zip::crc32_combine(before, 0, rest_.back().length);
}

// Bytes of a header's entry that are in the part.
std::uint64_t PartBuilder::bytes_here(std::size_t header_segment) const {
    const auto& segments = part_.segments;
    const std::size_t next = header_segment + 1;
    const bool has_data = next < segments.size() && segments[next].kind == Segment::Kind::data &&
                          segments[next].entry == segments[header_segment].entry;
    return has_data ? segments[next].length : 0;
}

std::uint32_t PartBuilder::crc32_here(std::size_t header_segment) const {
    return bytes_here(header_segment) == 0 ? 0 : segment_crcs_[header_segment + 1];
}

// Each comparison is counted once: not by a part with the beginning of a header only, nor where the
// part with the data compares it.
bool PartBuilder::counts_comparison(std::size_t header_segment) const {
    const Segment& segment = part_.segments[header_segment];
    const ShardEntry& entry = shard_.entries[segment.entry];
    const bool has_header_end =
        segment.offset + segment.length == zip::local_file_header_size(to_entry(entry));
    const bool is_whole_elsewhere = entry.size <= kRangeBytes && entry.rest.size() == 1 &&
                                    entry.rest.front().length == entry.size;
    return has_header_end && !is_whole_elsewhere;
}

base::Status PartBuilder::write_headers() {
    std::vector<std::byte> bytes;
    for (std::size_t s = 0; s < part_.segments.size(); ++s) {
        const Segment& segment = part_.segments[s];
        if (segment.kind != Segment::Kind::header) continue;
        const ShardEntry& entry = shard_.entries[segment.entry];
        std::uint32_t crc = crc32_here(s);
        std::uint64_t covered = bytes_here(s);
        if (!entry.rest.empty()) {
            for (const RestRun& run : rest_) {
                crc = zip::crc32_combine(crc, *run.crc32, run.length);
                covered += run.length;
            }
        }
        CHECK(covered == entry.size);
        if (const auto stored = stored_crcs_.find(s); stored != stored_crcs_.end()) {
            if (stored->second != crc) {
                return base::fail(checksum_mismatch(shard_.buckets[entry.bucket].name, entry,
                                                    stored->second, crc));
            }
            compared_ += counts_comparison(s) ? 1 : 0;
        }
        if (auto same = compare_with_md5_read(s, crc); !same) return same;
        const zip::Entry header = to_entry(entry);
        bytes.resize(zip::local_file_header_size(header));
        zip::encode_local_file_header(header, crc, bytes);
        const auto here = std::span(bytes).subspan(segment.offset, segment.length);
        memory_.write(places_[s], here);
        segment_crcs_[s] = zip::crc32_update(0, here);
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
    for (std::size_t r = 0; r < rest_.size(); ++r) {
        const ShardEntry& entry = shard_.entries.back();
        if (entry.rest[r].crc32) continue;  // determined elsewhere
        pieces.push_back({entry.index, rest_[r].offset, rest_[r].length, rest_[r].crc32.value()});
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
