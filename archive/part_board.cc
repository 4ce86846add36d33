#include "archive/part_board.h"

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
    find_groups();
    take_over(std::move(stored));
    for (std::size_t i = 0; i < plan_->tail(); ++i) {
        const bool waits = plan_->parts()[i].waits() && group_of(i)->parts_left > 0;
        if (!waits && !is_stored(i)) available_.push_back(i);
    }
}

void PartBoard::find_groups() {
    const auto& parts = plan_->parts();
    for (std::size_t i = 0; i < plan_->tail(); ++i) {
        if (!parts[i].waits()) continue;
        Group& group = groups_[parts[i].group_end];
        group.first_part = i;
        group.parts_left = parts[i].group_end - i;
    }
}

void PartBoard::take_over(std::vector<PartRecord> stored) {
    for (PartRecord& record : stored) {
        const std::size_t index = record.part.number - 1;
        CHECK(index < results_.size() && !is_stored(index));
        record_pieces(record.pieces);
        record_compared(record.compared);
        record_part(std::move(record.part));
        if (index >= plan_->tail()) continue;
        --to_give_;
        --left_;
        if (Group* group = group_of(index); group != nullptr && index != group->first_part)
            --group->parts_left;
    }
    for (const auto& [end, group] : groups_) {
        if (is_stored(group.first_part) && group.parts_left == 0) know_entry_of(group);
    }
}

// All pieces of the group's entry are here.
void PartBoard::know_entry_of(const Group& group) {
    const std::uint64_t entry = plan_->layout().entry_at(plan_->parts()[group.first_part].end - 1);
    entry_crcs_[entry] = group.rest_crc32(0);
}

PartBoard::Group* PartBoard::group_of(std::size_t part_index) {
    // Groups do not overlap: the first that ends at or after the part is the only candidate.
    const auto found = groups_.lower_bound(part_index);
    if (found == groups_.end() || found->second.first_part > part_index) return nullptr;
    return &found->second;
}

std::uint32_t PartBoard::Group::rest_crc32(std::uint64_t from) const {
    std::uint32_t crc = 0;
    for (auto piece = pieces.lower_bound(from); piece != pieces.end(); ++piece) {
        crc = zip::crc32_combine(crc, piece->second.crc32, piece->second.length);
    }
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
    if (plan_->parts()[index].waits()) {
        ShardEntry& spanning = shard.entries.back();
        const Segment& piece = shard.parts.front().segments.back();
        const std::uint64_t here = piece.kind == Segment::Kind::data ? piece.length : 0;
        spanning.rest_crc32 = group_of(index)->rest_crc32(here);
    }
    co_return shard;
}

io::Task<bool> PartBoard::finish(base::Result<ShardResult> result) {
    if (!result) {
        // Cancelled shards follow from a failure or a stop that reports itself.
        if (result.error().kind != base::ErrorKind::cancelled) fail(std::move(result.error()));
        co_return false;
    }
    record_pieces(result->pieces);
    record_compared(result->compared);
    for (PartResult& part : result->parts) {
        const std::size_t index = part.number - 1;
        record_part(std::move(part));
        --left_;
        Group* group = group_of(index);
        if (group == nullptr) continue;
        if (index != group->first_part && --group->parts_left > 0) continue;
        if (is_stored(group->first_part))
            know_entry_of(*group);  // the first comes last
        else
            available_.push_front(group->first_part);
    }
    changed_.notify_all();
    co_return true;
}

void PartBoard::record_pieces(const std::vector<PieceCrc>& pieces) {
    const auto& parts = plan_->parts();
    const zip::Layout& layout = plan_->layout();
    for (const PieceCrc& piece : pieces) {
        const std::uint64_t at = layout.data_offset(piece.entry) + piece.offset;
        const auto part = std::ranges::upper_bound(parts, at, {}, &Part::end);
        if (piece.length == plan_->manifest()[piece.entry].size) {
            entry_crcs_[piece.entry] = piece.crc32;
            if (part->begin <= layout.header_offset(piece.entry)) continue;
        }
        // The header is in an earlier part and waits for this: both are of one group.
        Group* group = group_of(static_cast<std::size_t>(part - parts.begin()));
        CHECK(group != nullptr);
        group->pieces[piece.offset] = piece;
    }
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
