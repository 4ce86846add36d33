// A FaultRig runs one job again and again, each time under another fault plan and with a fresh
// engine, and says what of the engine's promises was broken:
//   - the archive is byte for byte that of a day without faults, or it is not there, and a job that
//     succeeded has it;
//   - a job that failed says why, and never with `bug`;
//   - no part memory is held, no upload open, no socket left, and nothing of it takes a minute.
// One upload may stay open for each CreateMultipartUpload whose answer was lost: nobody knows its
// id. And any, if S3 was allowed to refuse the abort.
//
// Used by one thread. It owns the s3sim; the engine lives for one run() only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "archive/engine.h"
#include "s3sim/server.h"

namespace archive::test {

struct Scenario {
    std::string name{};
    std::map<std::string, std::string> objects{};  // of bucket "src"; all of them are archived
    std::vector<Source> sources{};                 // empty: everything in "src"
    std::map<std::string, std::string> others{};   // objects of "lists", for manifest files
    std::uint64_t part_size_bytes = 0;
    unsigned reactors = 1;
    std::uint64_t memory_mib = 20;
    bool overwrite = false;
    std::uint64_t attempts_max = 8;
    std::uint64_t request_timeout_ms = 20'000;
};

struct FaultRun {
    JobSnapshot end;
    std::vector<std::string> broken;  // promises; empty: all is well
    std::uint64_t faults = 0;         // that fired
    std::uint64_t retries = 0;
    std::uint64_t uploads_begun = 0;  // as far as the client sent requests to
    bool knew_upload = false;         // got the id of one
    std::string code() const {        // "" if it succeeded
        return end.error ? end.error->code : "";
    }
};

class FaultRig {
  public:
    FaultRig(Scenario scenario, IoChoice io);
    ~FaultRig();

    // What this plan may do.
    struct Allowed {
        bool lost_answers = false;    // of uploads that were begun
        bool refused_aborts = false;  // until the client gives up
        bool wrong_etag = false;      // the answer's, so the result's
    };
    FaultRun run(const std::string& faults, Allowed allowed);
    std::uint64_t archive_size() const { return reference_.size(); }

  private:
    void start_server();
    ArchiveRequest request() const;
    EngineConfig config() const;
    void check_end(FaultRun& run, const Allowed& allowed);
    void check_result(FaultRun& run, bool wrong_etag);
    void keep_reference(FaultRun& run);

    const Scenario scenario_;
    const IoChoice io_;
    std::unique_ptr<s3sim::Server> server_;
    std::string reference_;  // the archive of a run without faults
    std::uint32_t reference_crc_ = 0;
};

// Calls run(0) ... run(count - 1) on some threads.
void side_by_side(std::size_t count, const std::function<void(std::size_t)>& run);

}  // namespace archive::test
