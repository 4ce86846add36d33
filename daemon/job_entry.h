// What JobService keeps of one job. Plain data, guarded by its lock.
//
// What people are told of a job is what a restart would tell them, too: it does not exist before
// the journal has it (`durable`), and it has not ended before the journal has its end (`recorded`).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/job.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/job_view.h"
#include "daemon/journal_rows.h"
#include "daemon/rate_meter.h"

namespace s3zipd {

struct JobEntry {
    // Called with the answer: at once, or on JobService's thread. It may only post.
    using OnJob = std::move_only_function<void(base::Result<JobView>)>;

    base::UtcTime created_at;
    std::shared_ptr<archive::Job> job;
    std::uint64_t bytes = 0;  // of memory, estimated
    RateMeter rate;
    // In this process, by a clock that does not jump: one that is taken up again has not waited
    // since it was posted.
    base::SteadyTime queued_at{};
    std::optional<base::SteadyTime> begun_at{};  // handed to the engine
    std::string idempotency_key;
    bool durable = false;
    std::vector<OnJob> waiting;  // for it to be durable, or cancelled
    bool ended = false;          // counted as such; the job itself may be ahead
    enum class End : std::uint8_t { none, writing, failed, recorded };
    End end = End::none;
    std::chrono::seconds ended_after{};  // of service time (clock_watch.h)
    NoticeRow notice;
    bool tell_later = false;  // of its end: there was no room
};

}  // namespace s3zipd
