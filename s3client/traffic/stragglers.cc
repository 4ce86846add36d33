#include "s3client/traffic/stragglers.h"

#include <algorithm>

namespace s3client {
namespace {

// Shorter bodies say more about the beginning than about the pace.
constexpr std::uint64_t kPacedBytesMin = 256 << 10;

base::Duration scale(base::Duration duration, double by) {
    return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(duration) * by);
}

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

void Stragglers::moved(std::uint64_t bytes, base::Duration took) {
    if (bytes >= kPacedBytesMin) paces_.add(scale(took, 1 / mebibytes(bytes)));
}

base::Duration Stragglers::late_after() const {
    if (waits_.count() < kSamplesMin) return kWaitUnknown;
    return std::max(kWaitMin, std::min(waits_.quantile(0.99), 3 * waits_.quantile(0.9)));
}

std::optional<base::Duration> Stragglers::slow_after(std::uint64_t bytes) const {
    if (paces_.count() < kSamplesMin) return std::nullopt;
    return std::max(kTransferMin, scale(paces_.quantile(0.99), 4 * mebibytes(bytes)));
}

}  // namespace s3client
