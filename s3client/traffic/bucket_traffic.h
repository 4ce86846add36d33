// The state of the traffic to each bucket: the rates it accepts, the lines of requests before those
// rates, and the budget for retries. A bucket that answers 503 slows down requests to itself only.
//
// A bucket is known by endpoint and name: with path-style addresses all buckets share one host.
// Not thread-safe: one table for each client, on its reactor. The table is bounded; it evicts the
// buckets that were used least recently and that nothing refers to.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "io/reactor.h"
#include "s3client/operation.h"
#include "s3client/retry.h"
#include "s3client/traffic/rate_governor.h"
#include "s3client/traffic/turnstile.h"

namespace s3client {

enum class RateClass : std::uint8_t { read, write };  // as S3 counts them
RateClass rate_class(Operation operation);

struct BucketAddress {
    std::string endpoint;  // the host that requests go to
    std::string bucket;
    auto operator<=>(const BucketAddress&) const = default;
};

// One class of requests to one bucket.
class RateLane {
  public:
    explicit RateLane(io::Reactor& reactor) : gate(reactor) {}
    Turnstile<RateGovernor> gate;

    void on_answered(base::SteadyTime now);  // any answer but a refusal
    void on_throttled(base::SteadyTime now);
    // Since when the bucket has answered this class with refusals only; none if it has not, or if
    // no refusal came lately.
    std::optional<base::SteadyTime> refusing_since(base::SteadyTime now) const;

  private:
    base::SteadyTime answered_at_{}, refused_at_{}, refusing_since_{};
};

class BucketTraffic {
  public:
    explicit BucketTraffic(io::Reactor& reactor);
    RateLane& lane(RateClass rate_class) { return lanes_[static_cast<std::size_t>(rate_class)]; }
    RetryBudget& retry_budget() { return retry_budget_; }
    // No request stands in a line.
    bool is_empty() const;

  private:
    friend class BucketTable;
    std::array<RateLane, 2> lanes_;
    RetryBudget retry_budget_;
    base::SteadyTime used_at_{};
};

class BucketTable {
  public:
    static constexpr std::size_t kBucketsMax = 4'096;

    explicit BucketTable(io::Reactor& reactor, std::size_t buckets_max = kBucketsMax)
        : reactor_(reactor), buckets_max_(buckets_max) {}

    // Makes it if it is not known. A caller that waits keeps the pointer, which keeps the entry.
    const std::shared_ptr<BucketTraffic>& of(const BucketAddress& address);
    std::size_t size() const { return buckets_.size(); }

  private:
    void evict();
    io::Reactor& reactor_;
    const std::size_t buckets_max_;
    std::map<BucketAddress, std::shared_ptr<BucketTraffic>> buckets_;
};

}  // namespace s3client
