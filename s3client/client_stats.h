// What an S3Client counts, since it was made. Written on its reactor, read from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "s3client/operation.h"

namespace s3client {

struct ClientStats {
    std::array<std::atomic<std::uint64_t>, kOperationCount> requests{};
    std::atomic<std::uint64_t> bytes_received{0}, bytes_sent{0}, retries{0}, throttled{0};
    std::atomic<std::uint64_t> hedged{0}, hedges_won{0};  // requests sent a second time
    std::atomic<std::uint64_t> connections_open{0}, connections_opened{0};
    std::atomic<std::uint64_t> concurrency_limit{0};
};

}  // namespace s3client
