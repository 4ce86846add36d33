#include "s3client/traffic/latency.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace s3client {
namespace {

constexpr double kFirst_us = 50;
constexpr double kGrowth = 1.1;

}  // namespace

void LatencyHistogram::add(base::Duration duration) {
    const double us = std::chrono::duration<double, std::micro>(duration).count();
    const double steps =
        us <= kFirst_us ? 0 : std::ceil(std::log(us / kFirst_us) / std::log(kGrowth));
    ++buckets_[std::min(static_cast<std::size_t>(steps), kBuckets - 1)];
    if (++count_ < kCountMax) return;
    count_ = 0;
    for (std::uint32_t& bucket : buckets_) {
        bucket /= 2;
        count_ += bucket;
    }
}

base::Duration LatencyHistogram::quantile(double q) const {
    CHECK(count_ > 0);
    const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    std::size_t i = 0;
    while (i + 1 < kBuckets && (seen += buckets_[i]) < rank) ++i;
    return std::chrono::duration_cast<base::Duration>(
        std::chrono::duration<double, std::micro>(kFirst_us * std::pow(kGrowth, i)));
}

}  // namespace s3client
