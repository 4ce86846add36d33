// What the command shows of a job, a plan or a refusal, wherever it comes from: the daemon's JSON
// or an engine of our own. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cli {

using RequestTally = std::vector<std::pair<std::string, std::uint64_t>>;  // S3's call, how many

struct ProgressView {
    std::uint64_t objects_total = 0, objects_done = 0;
    std::uint64_t bytes_total = 0, bytes_done = 0;
    std::uint64_t parts_total = 0, parts_done = 0;
    double bytes_per_second = 0;
    std::optional<std::uint64_t> eta_seconds;
};

struct SkippedView {
    std::string bucket, key, reason;
};
struct RenamedView {
    std::string bucket, key, name, reason;
};
// Objects that did not go in as asked. Keys and names are exact: any bytes.
struct ReportView {
    std::vector<SkippedView> skipped;  // the daemon names the first of them only
    std::vector<RenamedView> renamed;  // these, too
    std::uint64_t skipped_total = 0, renamed_total = 0;
};

struct ResultView {
    std::string bucket, key, etag, version_id, crc32;
    std::string checksums;  // archive::checksums_text()
    std::string fingerprint;
    bool reused = false;     // an earlier job made it
    bool exclusive = false;  // the store would have refused to replace an object
    bool confirmed = true;   // S3 was asked for it again once it was written
    std::uint64_t size = 0, entries = 0, compared = 0, duration_ms = 0;
    double cost_usd = 0;
    ReportView report;
};

struct ErrorView {
    std::string code, detail, key;
};

// Of the stages that a job has gone through, and the one it is in.
struct StageView {
    std::string name, started_at, finished_at;
    std::optional<std::uint64_t> duration_ms;  // none: it is in this one
};

struct JobView {
    std::string id;  // empty: made in this process
    std::string state;
    std::string created_at, started_at, finished_at;  // RFC 3339; empty: not yet
    std::string destination;                          // s3://bucket/key
    std::vector<StageView> stages;                    // of a newer daemon, or our own
    ProgressView progress;
    RequestTally requests;
    std::optional<ResultView> result;
    std::optional<ErrorView> error;

    bool has_ended() const {
        return state == "succeeded" || state == "failed" || state == "cancelled";
    }
};

struct PlanView {
    std::uint64_t entries = 0, archive_size = 0, parts = 0, source_bytes = 0;
    std::uint64_t memory_needed = 0, memory = 0;  // a job that needs more than there is fails
    double cost_usd = 0;
    RequestTally requests;
    ReportView report;
};

// An RFC 9457 problem: what the daemon has against a request.
struct Problem {
    std::string type;  // "/problems/not-allowed"
    std::string title, detail;
    std::string pointer;  // the field, or the query parameter, at fault
    std::string code;     // what S3 said
};

}  // namespace cli
