#include "archive/engine_stats.h"

#include "archive/archive_job.h"

namespace archive {
namespace {

std::vector<EngineStats::Responses> responses_of(const std::vector<EngineLane>& lanes) {
    std::vector<EngineStats::Responses> sum;
    for (std::size_t i = 0; i < s3client::kOperationCount; ++i) {
        for (std::size_t status = 0; status < s3client::ClientStats::kStatusCount; ++status) {
            std::uint64_t count = 0;
            for (const EngineLane& lane : lanes) count += lane.client->stats().responses[i][status];
            if (count != 0) sum.push_back({static_cast<s3client::Operation>(i), status, count});
        }
    }
    return sum;
}

}  // namespace

EngineStats stats_of(const std::vector<EngineLane>& lanes, std::string io) {
    EngineStats sum;
    for (const EngineLane& lane : lanes) {
        const s3client::ClientStats& s = lane.client->stats();
        for (std::size_t i = 0; i < sum.requests.size(); ++i) {
            sum.requests[i] += s.requests[i].load();
            sum.to_head[i] += s.to_head[i].snapshot();
            sum.to_end[i] += s.to_end[i].snapshot();
        }
        sum.bytes_received += s.bytes_received.load();
        sum.bytes_sent += s.bytes_sent.load();
        sum.retries += s.retries.load();
        sum.throttled += s.throttled.load();
        sum.hedged += s.hedged.load();
        sum.hedges_won += s.hedges_won.load();
        sum.mismatched += s.mismatched.load();
        sum.concurrency_limit += s.concurrency_limit.load();
        sum.connections_open += s.connections_open.load();
        sum.connections_opened += s.connections_opened.load();
        sum.memory_bytes += lane.slab->total_bytes();
        sum.memory_in_use_bytes += lane.slab->in_use_bytes();
        sum.reactor_usage.push_back(lane.lane->usage());
    }
    for (std::size_t i = 0; i < sum.features.size() && !lanes.empty(); ++i) {
        sum.features[i] = lanes.front().client->support().state(static_cast<s3client::Feature>(i));
    }
    sum.responses = responses_of(lanes);
    sum.reactors = static_cast<unsigned>(lanes.size());
    sum.io = std::move(io);
    return sum;
}

}  // namespace archive
