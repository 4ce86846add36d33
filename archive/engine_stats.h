// What an engine has counted since it started and what it holds now, summed over its reactors; for
// /metrics and the benchmark. Plain data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "io/lane.h"
#include "s3client/operation.h"
#include "s3client/store_support.h"

namespace archive {

struct EngineStats {
    s3client::RequestCounts requests{};
    std::uint64_t bytes_received = 0, bytes_sent = 0;  // bodies
    std::uint64_t retries = 0, throttled = 0;
    std::uint64_t hedged = 0, hedges_won = 0;  // requests sent a second time since they were late
    std::uint64_t mismatched = 0;              // answers that were not the ones to their requests
    std::array<s3client::StoreSupport::State, s3client::kFeatureCount> features{};  // by Feature
    std::uint64_t concurrency_limit = 0;  // requests that may be under way
    std::uint64_t connections_open = 0, connections_opened = 0;
    std::uint64_t memory_bytes = 0, memory_in_use_bytes = 0;
    unsigned reactors = 0;
    std::string io{};  // "io_uring" or "epoll"

    // What s3client/client_stats.h counts, the pairs of operation and status that there were.
    struct Responses {
        s3client::Operation operation{};
        std::size_t status = 0;
        std::uint64_t count = 0;
    };
    std::vector<Responses> responses{};
    std::array<base::HistogramSnapshot, s3client::kOperationCount> to_head{}, to_end{};
    std::vector<io::Lane::Usage> reactor_usage{};  // of each
};

struct EngineLane;
// From any thread, as long as the lanes live.
EngineStats stats_of(const std::vector<EngineLane>& lanes, std::string io);

}  // namespace archive
