#include "s3client/retry.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "s3client/outcome.h"

namespace s3client {
namespace {

constexpr std::chrono::hours kRetryAfterMax{
    1};  // a larger hint is a mistake, and nanoseconds overflow

std::optional<std::uint64_t> parse_count(std::string_view text) {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return count;
}

// base * 2^(attempt-1), at most `limit`.
base::Duration exponential(base::Duration base, std::uint32_t attempt, base::Duration limit) {
    base::Duration delay = std::min(base, limit);
    for (std::uint32_t i = 1; i < attempt && delay < limit; ++i) delay = std::min(delay * 2, limit);
    return delay;
}

}  // namespace

bool RetryBudget::take(std::uint32_t cost) {
    std::uint32_t have = tokens();
    do {
        if (have < cost) return false;
    } while (!tokens_.compare_exchange_weak(have, have - cost, std::memory_order_relaxed));
    return true;
}

void RetryBudget::on_success() {
    std::uint32_t have = tokens();
    while (have < tokens_max_ &&
           !tokens_.compare_exchange_weak(have, have + 1, std::memory_order_relaxed)) {
    }
}

std::optional<base::Duration> RetryPolicy::next_delay(const Failure& failure, RetryBudget& budget,
                                                      RetryBudget* job) const {
    const Advice advice = advise(failure.error);
    const bool throttled = failure.error.kind == base::ErrorKind::throttled;
    if (!advice.retry && !throttled && failure.error.kind != base::ErrorKind::transient) {
        return std::nullopt;
    }
    if (advice.malformed && failure.malformed >= options_.malformed_max) return std::nullopt;
    const bool patient =
        failure.answered_before && failure.lasted < options_.patience && !advice.malformed;
    if (failure.attempt >= options_.attempts_max && !patient) return std::nullopt;

    const std::uint32_t cost = throttled ? options_.throttled_cost : options_.transient_cost;
    bool afford = budget.take(cost);
    if (job != nullptr) afford = job->take(cost) && afford;
    base::Duration limit = options_.delay_max;
    if (failure.error.http_status == 0) limit = std::min(limit, options_.unanswered_delay_max);
    if (advice.malformed) limit = std::min(limit, options_.malformed_delay_max);
    const base::Duration ceiling =
        afford ? exponential(throttled ? options_.throttled_base : options_.transient_base,
                             failure.attempt, limit)
               : limit;
    base::Duration delay(static_cast<std::int64_t>(static_cast<double>(ceiling.count()) *
                                                   std::clamp(failure.random_unit, 0.0, 1.0)));
    if (!afford) delay = (ceiling + delay) / 2;  // never at once: between half and the whole of it
    if (failure.retry_after) {
        delay = std::clamp(*failure.retry_after, delay, delay + options_.retry_after_extra_max);
    }
    if (delay >= failure.remaining) return std::nullopt;
    return delay;
}

std::optional<base::Duration> retry_after(const ResponseHead& head) {
    if (const auto ms = parse_count(head.get("x-amz-retry-after"))) {
        const auto cap = std::chrono::milliseconds(kRetryAfterMax);
        return std::min(cap, std::chrono::milliseconds(std::min<std::uint64_t>(
                                 *ms, static_cast<std::uint64_t>(cap.count()))));
    }
    if (const auto s = parse_count(head.get("retry-after"))) {
        const auto cap = std::chrono::seconds(kRetryAfterMax);
        return std::chrono::seconds(
            std::min<std::uint64_t>(*s, static_cast<std::uint64_t>(cap.count())));
    }
    return std::nullopt;
}

}  // namespace s3client
