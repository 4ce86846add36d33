#include "archive/part_board.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/check.h"
#include "zip/crc32.h"

namespace archive {

PartBoard::PartBoard(io::Reactor& reactor, std::shared_ptr<const Plan> plan,
                     s3client::UploadTarget upload, Job& job, std::vector<PartRecord> stored)
    : plan_(std::move(plan)),
      upload_(std::move(upload)),
      job_(job),
      changed_(reactor),
      to_give_(plan_->tail()),
      left_(plan_->tail()),
      entry_crcs_(plan_->layout().count()),
      results_(plan_->parts().size()) {
    find_spans();
    take_over(std::move(stored));
    std::vector<bool> waits(plan_->tail());
    for (const auto& [entry, span] : spans_) {
        for (const std::size_t part : span.waiting) waits[part] = span.awaited_left > 0;
    }
    for (std::size_t i = 0; i < plan_->tail(); ++i) {
        if (!waits[i] && !is_stored(i)) available_.push_back(i);
    }
}

void PartBoard::find_spans() {
    const auto& parts = plan_->parts();
    for (std::size_t i = 0; i < plan_->tail(); ++i) {
        const Plan::Rest rest = plan_->rest_of(i);
        if (rest.runs.empty()) continue;
        Span& span = spans_[rest.entry];
        if (!parts[i].waits()) continue;
        span.waiting.push_back(i);
        span.awaited_begin = parts[i].awaited_begin;
        span.awaited_end = parts[i].awaited_end;
        span.awaited_left = span.awaited_end - span.awaited_begin;
    }
}

void PartBoard::take_over(std::vector<PartRecord> stored) {
    for (PartRecord& record : stored) {
        const std::size_t index = record.part.number - 1;
        CHECK(index < results_.size() && !is_stored(index));
        if (auto same = record_pieces(record.pieces); !same) fail(std::move(same.error()));
        record_compared(record.compared);
        record_part(std::move(record.part));
        if (index >= plan_->tail()) continue;
        --to_give_;
        --left_;
        if (Span* span = span_that_awaits(index); span != nullptr) --span->awaited_left;
    }
}

PartBoard::Span* PartBoard::span_that_awaits(std::size_t part_index) {
    const std::uint64_t begin = plan_->parts()[part_index].begin;
    const auto found = spans_.find(plan_->layout().entry_at(begin));
    if (found == spans_.end()) return nullptr;
    Span& span = found->second;
    const bool awaited = part_index >= span.awaited_begin && part_index < span.awaited_end;
    return awaited ? &span : nullptr;
}

std::optional<std::uint32_t> PartBoard::Span::crc32_of(std::uint64_t offset,
                                                       std::uint64_t length) const {
    const std::uint64_t end = offset + length;
    std::uint32_t crc = 0;
    for (auto piece = pieces.find(offset); offset < end; ++piece) {
        if (piece == pieces.end() || piece->first != offset) return std::nullopt;
        crc = zip::crc32_combine(crc, piece->second.crc32, piece->second.length);
        offset += piece->second.length;
    }
    if (offset != end) return std::nullopt;
    return crc;
}

io::Task<std::optional<ShardPlan>> PartBoard::take() {
    while (status_ && available_.empty() && to_give_ > 0) {
        static_cast<void>(co_await changed_.wait({}));
    }
    if (!status_ || available_.empty()) co_return std::nullopt;
    const std::size_t index = available_.front();
    available_.pop_front();
    if (--to_give_ == 0) changed_.notify_all();
    ShardPlan shard = plan_->shard_of(index, upload_);
    if (shard.entries.empty() || shard.entries.back().rest.empty()) co_return shard;
    ShardEntry& last = shard.entries.back();
    const Span& span = spans_.at(last.index);
    for (RestRun& run : last.rest) {
        if (!run.crc32) run.crc32 = span.crc32_of(run.offset, run.length);
    }
    co_return shard;
}

io::Task<bool> PartBoard::finish(base::Result<ShardResult> result) {
    if (!result) {
        // Cancelled shards follow from a failure or a stop that reports itself.
        if (result.error().kind != base::ErrorKind::cancelled) fail(std::move(result.error()));
        co_return false;
    }
    if (auto same = record_pieces(result->pieces); !same) {
        fail(std::move(same.error()));
        co_return false;
    }
    record_compared(result->compared);
    for (PartResult& part : result->parts) {
        const std::size_t index = part.number - 1;
        record_part(std::move(part));
        --left_;
        Span* span = span_that_awaits(index);
        if (span == nullptr || --span->awaited_left > 0) continue;
        for (const std::size_t waiting : span->waiting) {
            if (!is_stored(waiting)) available_.push_front(waiting);
        }
    }
    changed_.notify_all();
    co_return true;
}

base::Status PartBoard::record_pieces(const std::vector<PieceCrc>& pieces) {
    for (const PieceCrc& piece : pieces) {
        const auto found = spans_.find(piece.entry);
        if (found == spans_.end()) {
            entry_crcs_[piece.entry] = piece.crc32;
            continue;
        }
        Span& span = found->second;
        const auto [known, is_new] = span.pieces.try_emplace(piece.offset, piece);
        if (!is_new) {
            const bool same =
                known->second.length == piece.length && known->second.crc32 == piece.crc32;
            if (!same) return base::fail(read_differently(known->second, piece));
            continue;
        }
        span.known_bytes += piece.length;
        const std::uint64_t size = plan_->layout().data_size(piece.entry);
        if (span.known_bytes < size) continue;
        if (const auto crc = span.crc32_of(0, size)) entry_crcs_[piece.entry] = *crc;
    }
    return {};
}

base::Error PartBoard::read_differently(const PieceCrc& first, const PieceCrc& second) const {
    const Manifest& manifest = plan_->manifest();
    const ManifestEntry& entry = manifest[second.entry];
    const std::string object = manifest.bucket_of(entry) + "/" + std::string(entry.key());
    return {base::ErrorKind::corrupt,
            "checksum_mismatch",
            fmt::format("{}: bytes {} to {} have CRC-32 {:08x} by one reading or by the stored "
                        "checksum, and {:08x} by another: the object changed without a new ETag, "
                        "or it was corrupted in the store or on the network",
                        object, second.offset, second.offset + second.length - 1, first.crc32,
                        second.crc32),
            0,
            {},
            object};
}

void PartBoard::record_part(PartResult part) {
    const std::size_t index = part.number - 1;
    job_.bytes_done.fetch_add(part.size, std::memory_order_relaxed);
    job_.parts_done.fetch_add(1, std::memory_order_relaxed);
    job_.objects_done.fetch_add(plan_->entries_ended_in(index), std::memory_order_relaxed);
    results_[index] = std::move(part);
}

void PartBoard::fail(base::Error error) {
    if (!status_) return;
    status_ = std::unexpected(std::move(error));
    changed_.notify_all();
}

io::Task<base::Status> PartBoard::wait_until_done() {
    while (status_ && left_ > 0) static_cast<void>(co_await changed_.wait({}));
    co_return status_;
}

std::uint32_t PartBoard::archive_crc() const {
    std::uint32_t crc = 0;
    for (const PartResult& part : results_) crc = zip::crc32_combine(crc, part.crc32, part.size);
    return crc;
}

}  // namespace archive
