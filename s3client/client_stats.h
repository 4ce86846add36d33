// What an S3Client counts, since it was made. Written on its reactor, read from any thread.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "base/histogram.h"
#include "s3client/operation.h"

namespace s3client {

struct ClientStats {
    // In place of a status: there was no answer; nobody waited for one any more (the job was
    // cancelled, or the other one of two was faster).
    static constexpr std::size_t kNoAnswer = 0, kGivenUp = 1, kStatusCount = 600;
    using ByStatus = std::array<std::atomic<std::uint64_t>, kStatusCount>;
    using Times = base::Histogram<base::kRequestBounds>;

    std::array<std::atomic<std::uint64_t>, kOperationCount> requests{};  // sent
    std::array<ByStatus, kOperationCount> responses{};  // of each of these, when it was over
    // Of requests answered, from when their first byte was sent over a connection that was there:
    // to the head of the answer; to its end, if it came whole.
    std::array<Times, kOperationCount> to_head, to_end;

    void answered(Operation operation, int status, base::Duration lasted) {
        const auto i = static_cast<std::size_t>(operation);
        count(responses[i][std::min(static_cast<std::size_t>(status), kStatusCount - 1)]);
        to_head[i].observe(lasted);
    }
    void not_answered(Operation operation, bool given_up) {
        count(responses[static_cast<std::size_t>(operation)][given_up ? kGivenUp : kNoAnswer]);
    }
    void ended(Operation operation, base::Duration lasted) {
        to_end[static_cast<std::size_t>(operation)].observe(lasted);
    }

    std::atomic<std::uint64_t> bytes_received{0}, bytes_sent{0}, retries{0}, throttled{0};
    std::atomic<std::uint64_t> hedged{0}, hedges_won{0};  // requests sent a second time
    std::atomic<std::uint64_t> mismatched{0};             // answers for which is_mismatch() holds
    std::atomic<std::uint64_t> connections_open{0}, connections_opened{0};
    std::atomic<std::uint64_t> concurrency_limit{0};

  private:
    static void count(std::atomic<std::uint64_t>& what) {
        what.fetch_add(1, std::memory_order_relaxed);
    }
};

}  // namespace s3client
