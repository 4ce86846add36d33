#include "archive/plan.h"

#include <algorithm>
#include <unordered_map>

#include "base/check.h"
#include "base/packed.h"
#include "base/siphash.h"
#include "zip/crc32.h"

namespace archive {

base::Result<std::shared_ptr<Plan>> Plan::lay_out(std::shared_ptr<const Manifest> manifest,
                                                  const ArchiveRequest& request) {
    const std::string& comment = request.options.comment;
    auto layout = zip::Layout::create(*manifest, {.comment_size = comment.size()});
    if (!layout) return std::unexpected(layout.error());
    std::shared_ptr<Plan> plan(new Plan(std::move(manifest), std::move(*layout), comment));
    plan->destination_ = request.destination.access;
    plan->verify_sources_ = request.options.verify_sources;
    return plan;
}

void Plan::be_single_put() {
    single_put_ = true;
    parts_.parts = {{0, layout_.archive_size()}};
}

base::Result<std::shared_ptr<const Plan>> Plan::make(std::shared_ptr<const Manifest> manifest,
                                                     const ArchiveRequest& request,
                                                     PlanOptions options) {
    auto plan = lay_out(std::move(manifest), request);
    if (!plan) return plan;
    if ((*plan)->layout_.archive_size() <= options.single_put_max) {
        (*plan)->be_single_put();
        return plan;
    }
    options.sizing.requested = request.options.part_size_bytes;
    if (options.sizing.layout == PartLayout::automatic) options.sizing.layout = PartLayout::entries;
    auto parts = plan_parts((*plan)->layout_, options.sizing);
    if (!parts) return std::unexpected(parts.error());
    (*plan)->parts_ = std::move(*parts);
    return plan;
}

base::Result<std::shared_ptr<const Plan>> Plan::make_again(std::shared_ptr<const Manifest> manifest,
                                                           const ArchiveRequest& request,
                                                           const PlanRecord& record,
                                                           std::uint64_t memory_max) {
    const auto differs = [] {
        return base::fail(base::ErrorKind::precondition, "plan_differs",
                          "this version of s3zipd makes another plan of the same objects");
    };
    auto plan = lay_out(std::move(manifest), request);
    if (!plan) return plan;
    if (record.cut_bytes == 0) {
        (*plan)->be_single_put();
    } else {
        const bool uniform = record.layout == PartLayout::uniform;
        if (record.cut_bytes < (uniform ? kPartSizeMin : 2 * kPartSizeMin)) return differs();
        (*plan)->parts_ =
            (uniform ? split_uniformly : split_into_parts)((*plan)->layout_, record.cut_bytes);
    }
    if ((*plan)->record().digest != record.digest) return differs();
    if ((*plan)->part_size_max() > memory_max) {
        return base::fail(base::ErrorKind::exhausted, "memory",
                          "its parts no longer fit into a reactor's memory");
    }
    return plan;
}

PlanRecord Plan::record() const {
    PlanRecord record;
    record.cut_bytes = single_put_ ? 0 : parts_.cut_bytes;
    record.layout = parts_.layout;
    record.archive_size = layout_.archive_size();
    record.parts = parts_.parts.size();
    // Where everything stands: every entry's place, then every cut.
    base::PackedWriter places;
    constexpr std::uint64_t kHeaderFormat = 1;  // of zip/records.h, whose sizes are below
    places.number(kHeaderFormat);
    std::uint64_t digest = 0;
    const auto fold = [&](bool all) {
        if (!all && places.size() < 4096) return;
        places.number(digest);
        digest = base::siphash13({}, places.take());
    };
    for (std::uint64_t i = 0; i < layout_.count(); ++i) {
        places.number(layout_.header_size(i));
        places.number(layout_.data_size(i));
        fold(false);
    }
    places.number(layout_.archive_size());
    for (const Part& part : parts_.parts) {
        places.number(part.size());
        fold(false);
    }
    fold(true);
    record.digest = digest;
    return record;
}

std::uint64_t Plan::part_size_max() const {
    return std::ranges::max(parts_.parts, {}, &Part::size).size();
}

std::uint64_t Plan::memory_bytes() const {
    constexpr std::uint64_t kRowBytes = 16;  // of the layout
    return manifest_->memory_bytes() + layout_.count() * kRowBytes +
           parts_.parts.size() * sizeof(Part);
}

// The buckets of one shard: those of the manifest that its entries are in.
class Plan::ShardBuckets {
  public:
    ShardBuckets(const Manifest& manifest, std::vector<s3client::AccessedBucket>& out)
        : manifest_(manifest), out_(out) {}
    std::uint32_t index_of(std::uint32_t bucket) {
        const auto [at, is_new] =
            indices_.try_emplace(bucket, static_cast<std::uint32_t>(out_.size()));
        if (is_new) out_.push_back(manifest_.bucket(bucket));
        return at->second;
    }

  private:
    const Manifest& manifest_;
    std::vector<s3client::AccessedBucket>& out_;
    std::unordered_map<std::uint32_t, std::uint32_t> indices_;
};

ShardEntry Plan::shard_entry(std::uint64_t index, ShardBuckets& buckets) const {
    const ManifestEntry& e = (*manifest_)[index];
    const zip::Entry entry = manifest_->entry(index);
    ShardEntry out;
    out.index = index;
    out.has_text = !manifest_->text_of(index).empty();
    if (!out.has_text) {
        out.bucket = buckets.index_of(e.bucket);
        out.key = e.key();
        out.version_id = e.version_id();
        out.etag = e.etag();
    }
    out.size = entry.size;
    out.name = entry.name;
    out.mtime_unix_s = entry.mtime_unix_s;
    out.is_directory = entry.is_directory;
    return out;
}

ShardPlan Plan::shard_of(std::size_t part_index, const s3client::UploadTarget& upload) const {
    const Part& part = parts_.parts[part_index];
    ShardPlan shard;
    shard.upload = upload;
    shard.upload_access = destination_;
    shard.verify_sources = verify_sources_;
    ShardBuckets buckets(*manifest_, shard.buckets);
    ShardPart& out = shard.parts.emplace_back();
    out.number = static_cast<std::uint32_t>(part_index + 1);
    out.size = part.size();

    std::uint64_t at = part.begin;
    const std::uint64_t entries_end = std::min(part.end, layout_.cd_offset());
    for (std::uint64_t i = at < entries_end ? layout_.entry_at(at) : 0; at < entries_end; ++i) {
        const auto local = static_cast<std::uint32_t>(shard.entries.size());
        shard.entries.push_back(shard_entry(i, buckets));
        if (at < layout_.data_offset(i)) {
            const std::uint64_t header_end = std::min(layout_.data_offset(i), entries_end);
            out.segments.push_back(
                {Segment::Kind::header, local, at - layout_.header_offset(i), header_end - at});
            at = header_end;
        }
        const std::uint64_t data_end = std::min(layout_.end(i), entries_end);
        if (data_end > at) {
            if (const std::string_view text = manifest_->text_of(i); !text.empty()) {
                shard.entries.back().text = text.substr(at - layout_.data_offset(i), data_end - at);
            }
            out.segments.push_back(
                {Segment::Kind::data, local, at - layout_.data_offset(i), data_end - at});
            at = data_end;
        }
    }
    if (at < part.end) out.segments.push_back({Segment::Kind::directory, 0, at, part.end - at});
    if (Rest rest = rest_of(part_index); !rest.runs.empty())
        shard.entries.back().rest = std::move(rest.runs);
    return shard;
}

Plan::Rest Plan::rest_of(std::size_t part_index) const {
    const auto& parts = parts_.parts;
    const Part& part = parts[part_index];
    Rest rest;
    if (part.end > layout_.cd_offset()) return rest;
    rest.entry = layout_.entry_at(part.end - 1);
    const std::uint64_t data = layout_.data_offset(rest.entry);
    const std::uint64_t end = layout_.end(rest.entry);
    if (data <= part.begin) return rest;
    const std::string_view text = manifest_->text_of(rest.entry);
    std::uint64_t at = std::max(part.end, data);
    for (std::size_t q = part_index + 1; at < end; ++q) {
        RestRun run{.offset = at - data, .length = 0, .crc32 = {}, .awaited = false};
        if (part.waits() && q == part.awaited_begin) {
            q = part.awaited_end - 1;
            run.awaited = true;
        }
        const std::uint64_t run_end = std::min(parts[q].end, end);
        if (run_end <= at) continue;  // nothing but header
        run.length = run_end - at;
        if (!text.empty())
            run.crc32 = zip::crc32_update(0, base::as_bytes(text.substr(run.offset, run.length)));
        rest.runs.push_back(run);
        at = run_end;
    }
    return rest;
}

std::uint64_t Plan::entries_ended_in(std::size_t part_index) const {
    const Part& part = parts_.parts[part_index];
    // Entries of no bytes but a header end there too: count the ends in (begin, end].
    const auto ends_before = [this](std::uint64_t offset) {
        return offset >= layout_.cd_offset() ? layout_.count() : layout_.entry_at(offset);
    };
    return ends_before(part.end) - ends_before(part.begin);
}

s3client::RequestCounts Plan::requests() const {
    using s3client::Operation;
    s3client::RequestCounts counts{};
    const auto add = [&counts](Operation operation, std::uint64_t n) {
        counts[static_cast<std::size_t>(operation)] += n;
    };
    for (std::size_t p = 0; p < parts_.parts.size(); ++p) {
        const ShardPlan shard = shard_of(p, {});
        for (const Segment& segment : shard.parts.front().segments) {
            if (segment.kind == Segment::Kind::directory) continue;
            const ShardEntry& entry = shard.entries[segment.entry];
            if (entry.has_text) continue;
            if (segment.kind == Segment::Kind::header)
                add(Operation::head_object, entry.wants_stored_crc32() ? 1 : 0);
            else
                add(Operation::get_object, ranges_of(segment.length));
        }
        if (shard.entries.empty()) continue;
        for (const RestRun& run : shard.entries.back().rest) {
            if (run.is_read()) add(Operation::get_object, ranges_of(run.length));
        }
    }
    if (single_put_) {
        add(Operation::put_object, 1);
    } else {
        add(Operation::create_multipart_upload, 1);
        add(Operation::upload_part, parts_.parts.size());
        add(Operation::complete_multipart_upload, 1);
    }
    add(Operation::head_object, 1);  // it is looked at once it is written
    return counts;
}

}  // namespace archive
