// When to send a request again: full jitter, S3's own hints, a deadline, and budgets shared by all
// requests of a client and of a job.
//
// Pure: no clock, no randomness, no sleep inside; the caller brings all three. A RetryPolicy is
// immutable and may be shared. The numbers are those of the AWS SDKs' retry mode of 2026
// (docs/ARCHITECTURE.md): full jitter, delay = random * min(cap, base * 2^(attempt-1)).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "s3client/response.h"

namespace s3client {

// Tokens that retries cost and successes give back. When they run out most requests fail, and more
// of them do not help: retries then wait as long as the policy lets them (not: fail; a job that
// moved a terabyte should rather wait). Thread-safe: a job works on several reactors.
class RetryBudget {
  public:
    explicit RetryBudget(std::uint32_t tokens_max = 500)
        : tokens_max_(tokens_max), tokens_(tokens_max) {}
    bool take(std::uint32_t cost);  // false, and nothing taken, if there are fewer
    void on_success();              // gives one token back
    std::uint32_t tokens() const { return tokens_.load(std::memory_order_relaxed); }

  private:
    const std::uint32_t tokens_max_;
    std::atomic<std::uint32_t> tokens_;
};

struct RetryOptions {
    // The first one included. An endpoint that has answered before is tried for `patience` besides:
    // it may be starting anew.
    std::uint32_t attempts_max = 8;
    base::Duration patience = std::chrono::seconds(90);
    // Malformed answers (Advice::malformed) of one call. Patience does not apply: a web server or a
    // proxy in the place of the store does not become one by waiting.
    std::uint32_t malformed_max = 3;
    base::Duration malformed_delay_max = std::chrono::seconds(1);
    base::Duration transient_base = std::chrono::milliseconds(50);
    base::Duration throttled_base = std::chrono::seconds(1);
    base::Duration delay_max = std::chrono::seconds(20);
    // Where nobody answered: asking costs nobody anything, and who comes back should not be kept
    // waiting.
    base::Duration unanswered_delay_max = std::chrono::seconds(5);
    base::Duration retry_after_extra_max =
        std::chrono::seconds(5);        // how far a server's hint may exceed our delay
    std::uint32_t transient_cost = 14;  // tokens
    std::uint32_t throttled_cost = 5;
};

class RetryPolicy {
  public:
    explicit RetryPolicy(RetryOptions options = {}) : options_(options) {}

    struct Failure {
        std::uint32_t attempt = 1;  // the one that failed, from 1
        const base::Error& error;
        std::optional<base::Duration> retry_after;  // what the answer asked for, see retry_after()
        base::Duration remaining;                   // until the request's deadline
        double random_unit = 0;                     // uniform in [0, 1)
        base::Duration lasted{};                    // since the first failure in a row
        bool answered_before = false;               // its endpoint has
        std::uint32_t malformed = 0;                // such answers of this call, this one included
    };
    // How long to wait before the next attempt; none: give up and report the error. None if the
    // error is not of a kind that passes, attempts are used up, or the wait would reach the
    // deadline.
    // Both budgets pay; `job` may be null.
    std::optional<base::Duration> next_delay(const Failure& failure, RetryBudget& budget,
                                             RetryBudget* job = nullptr) const;

    const RetryOptions& options() const { return options_; }

  private:
    RetryOptions options_;
};

// x-amz-retry-after (milliseconds), else Retry-After in seconds; none if absent or unreadable (an
// HTTP date is).
std::optional<base::Duration> retry_after(const ResponseHead& head);

}  // namespace s3client
