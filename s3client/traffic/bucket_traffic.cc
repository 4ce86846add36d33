#include "s3client/traffic/bucket_traffic.h"

#include <algorithm>
#include <vector>

namespace s3client {
namespace {

// A refusal that is older says nothing about the bucket now.
constexpr base::Duration kRefusalIsOld = std::chrono::seconds(90);

}  // namespace

RateClass rate_class(Operation operation) {
    switch (operation) {
        case Operation::list_objects:
        case Operation::head_object:
        case Operation::get_object:
        case Operation::list_parts:
        case Operation::list_multipart_uploads: return RateClass::read;
        default: return RateClass::write;
    }
}

void RateLane::on_answered(base::SteadyTime now) {
    answered_at_ = now;
    gate.turns().on_answered(now);
}

void RateLane::on_throttled(base::SteadyTime now) {
    if (!refusing_since(now)) refusing_since_ = now;
    refused_at_ = now;
    gate.turns().on_throttled(now);
}

std::optional<base::SteadyTime> RateLane::refusing_since(base::SteadyTime now) const {
    if (refused_at_ <= answered_at_ || now - refused_at_ > kRefusalIsOld) return std::nullopt;
    return refusing_since_;
}

BucketTraffic::BucketTraffic(io::Reactor& reactor) : lanes_{RateLane(reactor), RateLane(reactor)} {}

bool BucketTraffic::is_empty() const {
    return std::ranges::all_of(lanes_, [](const RateLane& lane) { return lane.gate.is_empty(); });
}

const std::shared_ptr<BucketTraffic>& BucketTable::of(const BucketAddress& address) {
    auto found = buckets_.find(address);
    if (found == buckets_.end()) {
        if (buckets_.size() >= buckets_max_) evict();
        found = buckets_.emplace(address, std::make_shared<BucketTraffic>(reactor_)).first;
    }
    found->second->used_at_ = reactor_.now();
    return found->second;
}

// Evicts half of the table at once, so that the walk costs little for each new bucket.
void BucketTable::evict() {
    std::vector<base::SteadyTime> idle;
    const auto is_idle = [](const std::shared_ptr<BucketTraffic>& traffic) {
        return traffic.use_count() == 1 && traffic->is_empty();
    };
    for (const auto& [address, traffic] : buckets_) {
        if (is_idle(traffic)) idle.push_back(traffic->used_at_);
    }
    if (idle.empty()) return;
    const auto middle = idle.begin() + static_cast<std::ptrdiff_t>(idle.size() / 2);
    std::ranges::nth_element(idle, middle);
    std::erase_if(buckets_, [&, until = *middle](const auto& known) {
        return is_idle(known.second) && known.second->used_at_ <= until;
    });
}

}  // namespace s3client
