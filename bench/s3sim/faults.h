// A fault plan: what goes wrong, and when. Text, one rule a line or between semicolons, '#' starts
// a comment:
//
//   OPERATION [when...] ACTION
//
// OPERATION: GetObject, UploadPart, ..., or * for all.
// When (all given must hold; none: every time):
//   nth=3 or nth=1,4 | every=5 | times=2 (at most) | key=TEXT (the key contains it) | part=7
// The first rule that fires wins; all rules count. ACTION, one of:
//   status=503      that status with S3's usual error; no-body leaves the body out; code=X sets it
//   reset           the request is read, not executed, and the connection is reset
//   lost-answer     the request is executed, then the connection is reset
//   reset-early     reset as soon as the head is read
//   reset-after=N   reset after N bytes of the answer's body
//   short=N         the answer's body ends after N bytes, connection closed in good order
//   stall           no answer, ever; stall-after=N: after N bytes of the answer's body
//   error200=CODE   200 whose body is an <Error>; not executed
//   close           a right answer, then the connection is closed unannounced
//   delay=MS        a right answer, later
// Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace s3sim {

enum class FaultKind : std::uint8_t {
    status,
    reset,
    lost_answer,
    reset_early,
    reset_after,
    short_body,
    stall,
    stall_after,
    error_200,
    close,
    delay,
};

struct Fault {
    FaultKind kind = FaultKind::status;
    std::uint64_t number = 0;  // status, bytes or milliseconds
    std::string code;
    bool has_body = true;
};

class FaultPlan {
  public:
    base::Status set(std::string_view text);
    std::optional<Fault> next(std::string_view operation, std::string_view key,
                              std::string_view part_number);
    void reset_counts();
    std::uint64_t fired() const;

  private:
    struct Rule {
        std::string operation, key_part, part_number;
        std::vector<std::uint64_t> nth;
        std::uint64_t every = 0;
        std::uint64_t times = UINT64_MAX;
        Fault fault;
        std::uint64_t seen = 0;
        std::uint64_t fired = 0;
    };
    static base::Result<Rule> parse_rule(std::string_view text);

    mutable std::mutex mutex_;
    std::vector<Rule> rules_;
    std::uint64_t fired_ = 0;
};

}  // namespace s3sim
