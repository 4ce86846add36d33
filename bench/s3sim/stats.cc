#include "s3sim/stats.h"

#include <fmt/format.h>
#include <iterator>

namespace s3sim {

Stats Counters::read() const {
    Stats stats;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [what, count] : answers_) {
            const std::string name(operation_name(what.first));
            stats.operations[name] += count;
            stats.answers[fmt::format("{} {}", name, what.second)] += count;
        }
    }
    stats.bytes_in = bytes_in_.load();
    stats.bytes_out = bytes_out_.load();
    stats.signature_failures = signature_failures_.load();
    stats.connections_accepted = connections_accepted_.load();
    stats.open_connections = open_connections_.load();
    return stats;
}

void Counters::reset() {
    const std::scoped_lock lock(mutex_);
    answers_.clear();
    bytes_in_ = bytes_out_ = signature_failures_ = connections_accepted_ = 0;
}

std::string stats_json(const Stats& stats) {
    std::string out = "{";
    const auto map = [&](std::string_view name,
                         const std::map<std::string, std::uint64_t>& counts) {
        fmt::format_to(std::back_inserter(out), "\"{}\":{{", name);
        bool first = true;
        for (const auto& [key, count] :
             counts) {  // names of operations and numbers: nothing to escape
            fmt::format_to(std::back_inserter(out), "{}\"{}\":{}", first ? "" : ",", key, count);
            first = false;
        }
        out += "},";
    };
    map("operations", stats.operations);
    map("answers", stats.answers);
    fmt::format_to(std::back_inserter(out),
                   "\"bytes_in\":{},\"bytes_out\":{},\"signature_failures\":{},\"faults_fired\":{},"
                   "\"open_uploads\":{},\"open_connections\":{},\"connections_accepted\":{},"
                   "\"stored_bytes\":{}}}\n",
                   stats.bytes_in, stats.bytes_out, stats.signature_failures, stats.faults_fired,
                   stats.open_uploads, stats.open_connections, stats.connections_accepted,
                   stats.stored_bytes);
    return out;
}

}  // namespace s3sim
