#include "base/histogram.h"

#include <numeric>

#include "base/check.h"

namespace base {

std::uint64_t HistogramSnapshot::count() const {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

HistogramSnapshot& HistogramSnapshot::operator+=(const HistogramSnapshot& other) {
    if (counts.empty()) return *this = other;
    CHECK(counts.size() == other.counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum += other.sum;
    return *this;
}

}  // namespace base
