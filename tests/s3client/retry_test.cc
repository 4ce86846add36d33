// The retry policy, with the clock and the dice in the test's hand.
#include "s3client/retry.h"

#include <gtest/gtest.h>

namespace s3client {
namespace {

using base::Duration;
using base::ErrorKind;
using std::chrono::milliseconds;
using std::chrono::seconds;

const base::Error kReset{ErrorKind::transient, "connection_reset", "", 0, {}, {}};
const base::Error kSlowDown{ErrorKind::throttled, "SlowDown", "", 503, {}, {}};
constexpr Duration kForever = std::chrono::hours(24);
constexpr double kAlmostOne = 0.999999999;

std::optional<Duration> delay_of(std::uint32_t attempt, const base::Error& error,
                                 double random = 0.5, std::optional<Duration> hint = {},
                                 Duration remaining = kForever) {
    RetryBudget budget;
    return RetryPolicy().next_delay({attempt, error, hint, remaining, random}, budget);
}

TEST(RetryPolicy, DoublesFromAttemptToAttempt) {
    EXPECT_EQ(delay_of(1, kReset), milliseconds(25));
    EXPECT_EQ(delay_of(2, kReset), milliseconds(50));
    EXPECT_EQ(delay_of(3, kReset), milliseconds(100));
    EXPECT_EQ(delay_of(7, kReset), milliseconds(1600));
    EXPECT_EQ(delay_of(1, kSlowDown), milliseconds(500));
    EXPECT_EQ(delay_of(2, kSlowDown), seconds(1));
    EXPECT_EQ(delay_of(5, kSlowDown), seconds(8));
}

TEST(RetryPolicy, JitterIsFullAndCapped) {
    EXPECT_EQ(delay_of(5, kReset, 0.0), Duration(0));
    EXPECT_LT(delay_of(1, kReset, kAlmostOne), milliseconds(50));
    EXPECT_EQ(delay_of(6, kSlowDown, 0.5), seconds(10));
    EXPECT_EQ(delay_of(7, kSlowDown, 0.5), seconds(10));
    RetryBudget budget;
    const RetryPolicy many(RetryOptions{.attempts_max = 2'000'000'000});
    EXPECT_EQ(many.next_delay({1'000'000'000, kSlowDown, {}, kForever, 0.5}, budget), seconds(10));
    // Nobody is the worse for being asked where nobody answers.
    EXPECT_EQ(many.next_delay({1'000'000'000, kReset, {}, kForever, 0.5}, budget),
              milliseconds(2500));
}

TEST(RetryPolicy, AttemptsAreCounted) {
    EXPECT_TRUE(delay_of(7, kReset));
    EXPECT_FALSE(delay_of(8, kReset));
    EXPECT_FALSE(delay_of(9, kReset));
}

// Eight attempts are over in seconds; a gateway that starts anew takes a minute.
TEST(RetryPolicy, AnEndpointThatHasAnsweredBeforeIsGivenTime) {
    const RetryPolicy policy;
    RetryBudget budget;
    RetryPolicy::Failure failure{.attempt = 30,
                                 .error = kReset,
                                 .retry_after = {},
                                 .remaining = kForever,
                                 .random_unit = 0.5,
                                 .lasted = seconds(89),
                                 .answered_before = true};
    EXPECT_EQ(policy.next_delay(failure, budget), milliseconds(2500));
    failure.lasted = seconds(90);
    EXPECT_FALSE(policy.next_delay(failure, budget));
    failure.lasted = seconds(10);
    failure.answered_before = false;
    EXPECT_FALSE(policy.next_delay(failure, budget));
}

TEST(RetryPolicy, OnlyWhatPassesIsRetried) {
    const struct {
        base::Error error;
        bool retried;
    } cases[] = {
        {{ErrorKind::transient, "InternalError", "", 500, {}, {}}, true},
        {{ErrorKind::transient, "never_heard_of", "", 0, {}, {}}, true},
        {{ErrorKind::throttled, "never_heard_of", "", 0, {}, {}}, true},
        {{ErrorKind::corrupt, "BadDigest", "", 400, {}, {}}, true},
        {{ErrorKind::corrupt, "bad_http_response", "", 0, {}, {}}, true},
        {{ErrorKind::corrupt, "bad_xml", "", 200, {}, {}}, true},
        {{ErrorKind::corrupt, "crc_mismatch", "", 0, {}, {}}, false},
        {{ErrorKind::not_found, "NoSuchKey", "", 404, {}, {}}, false},
        {{ErrorKind::denied, "AccessDenied", "", 403, {}, {}}, false},
        {{ErrorKind::denied, "RequestTimeTooSkewed", "", 403, {}, {}}, false},
        {{ErrorKind::precondition, "PreconditionFailed", "", 412, {}, {}}, false},
        {{ErrorKind::invalid, "InvalidArgument", "", 400, {}, {}}, false},
        {{ErrorKind::cancelled, "cancelled", "", 0, {}, {}}, false},
        {{ErrorKind::exhausted, "no_memory", "", 0, {}, {}}, false},
        {{ErrorKind::bug, "bug", "", 0, {}, {}}, false},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(delay_of(1, c.error).has_value(), c.retried) << c.error.code;
    }
}

// A web server in the place of the store does not become one by waiting.
TEST(RetryPolicy, MalformedAnswersAreFewAndSoon) {
    const RetryPolicy policy;
    for (const char* code :
         {"bad_answer", "bad_content_range", "bad_http_response", "bad_xml", "body_too_large"}) {
        const base::Error error{ErrorKind::corrupt, code, "", 200, {}, {}};
        RetryBudget budget, dry(0);
        const auto delay = [&](std::uint32_t attempt, std::uint32_t malformed, RetryBudget& from) {
            return policy.next_delay({.attempt = attempt,
                                      .error = error,
                                      .retry_after = {},
                                      .remaining = kForever,
                                      .random_unit = kAlmostOne,
                                      .lasted = seconds(1),
                                      .answered_before = true,
                                      .malformed = malformed},
                                     from);
        };
        EXPECT_TRUE(delay(1, 1, budget)) << code;
        EXPECT_TRUE(delay(2, 2, budget)) << code;
        EXPECT_FALSE(delay(3, 3, budget)) << code;
        EXPECT_TRUE(delay(7, 1, budget)) << "after failures of other kinds";
        EXPECT_FALSE(delay(8, 1, budget)) << "without patience";
        EXPECT_LE(delay(2, 2, dry), seconds(1)) << "within seconds, whatever the budget";
    }
}

TEST(RetryPolicy, StopsAtTheDeadline) {
    EXPECT_EQ(delay_of(1, kReset, 0.5, {}, milliseconds(26)), milliseconds(25));
    EXPECT_FALSE(delay_of(1, kReset, 0.5, {}, milliseconds(25)));
    EXPECT_FALSE(delay_of(1, kReset, 0.0, {}, Duration(0)));
    EXPECT_FALSE(delay_of(1, kReset, 0.0, {}, -seconds(1)));
}

TEST(RetryPolicy, HonoursTheServersHintWithinReason) {
    EXPECT_EQ(delay_of(1, kSlowDown, 0.5, seconds(2)), seconds(2));
    // Never sooner than our own delay, never later than five seconds after it.
    EXPECT_EQ(delay_of(1, kSlowDown, 0.5, Duration(0)), milliseconds(500));
    EXPECT_EQ(delay_of(1, kSlowDown, 0.5, seconds(60)), milliseconds(5500));
    EXPECT_FALSE(delay_of(1, kSlowDown, 0.5, seconds(60), seconds(5)));
}

TEST(RetryBudget, RetriesCostAndSuccessesPay) {
    RetryBudget budget(20);
    const RetryPolicy policy;
    EXPECT_TRUE(policy.next_delay({1, kReset, {}, kForever, 0.5}, budget));
    EXPECT_EQ(budget.tokens(), 6U);
    EXPECT_TRUE(policy.next_delay({1, kSlowDown, {}, kForever, 0.5}, budget));
    EXPECT_EQ(budget.tokens(), 1U);
    for (int i = 0; i < 100; ++i) budget.on_success();
    EXPECT_EQ(budget.tokens(), 20U);
    EXPECT_FALSE(budget.take(21));
    EXPECT_EQ(budget.tokens(), 20U);
}

TEST(RetryBudget, WhenItIsDryRetriesWaitLong) {
    RetryBudget budget(0);
    const RetryPolicy policy;
    EXPECT_EQ(policy.next_delay({1, kSlowDown, {}, kForever, 0.0}, budget), seconds(10));
    EXPECT_EQ(policy.next_delay({1, kSlowDown, {}, kForever, 0.5}, budget), seconds(15));
    EXPECT_LT(policy.next_delay({1, kSlowDown, {}, kForever, kAlmostOne}, budget), seconds(20));
    EXPECT_FALSE(policy.next_delay({8, kSlowDown, {}, kForever, 0.0}, budget))
        << "attempts still count";
    EXPECT_FALSE(policy.next_delay({1, kSlowDown, {}, seconds(9), 0.0}, budget))
        << "so does the deadline";
    EXPECT_EQ(policy.next_delay({1, kReset, {}, kForever, 0.0}, budget), milliseconds(2500));
}

TEST(RetryBudget, AJobPaysFromItsOwnToo) {
    RetryBudget budget, job(20);
    const RetryPolicy policy;
    EXPECT_LT(policy.next_delay({1, kReset, {}, kForever, 0.5}, budget, &job), seconds(1));
    EXPECT_EQ(job.tokens(), 6U);
    // One job's bad luck slows that job down.
    EXPECT_GT(policy.next_delay({1, kReset, {}, kForever, 0.5}, budget, &job), seconds(2));
    EXPECT_LT(policy.next_delay({1, kReset, {}, kForever, 0.5}, budget), seconds(1));
    EXPECT_EQ(job.tokens(), 6U);
}

TEST(RetryBudget, GivingUpCostsNothing) {
    RetryBudget budget(100);
    const RetryPolicy policy;
    EXPECT_FALSE(policy.next_delay({8, kReset, {}, kForever, 0.5}, budget));
    const base::Error denied{ErrorKind::denied, "AccessDenied", "", 403, {}, {}};
    EXPECT_FALSE(policy.next_delay({1, denied, {}, kForever, 0.5}, budget));
    EXPECT_EQ(budget.tokens(), 100U);
}

TEST(RetryAfter, ReadsBothHeaders) {
    const auto hint = [](std::vector<std::pair<std::string, std::string>> headers) {
        ResponseHead head;
        head.headers = std::move(headers);
        return retry_after(head);
    };
    EXPECT_EQ(hint({}), std::nullopt);
    EXPECT_EQ(hint({{"retry-after", "3"}}), seconds(3));
    EXPECT_EQ(hint({{"x-amz-retry-after", "1500"}}), milliseconds(1500));
    EXPECT_EQ(hint({{"retry-after", "3"}, {"x-amz-retry-after", "1500"}}), milliseconds(1500));
    EXPECT_EQ(hint({{"retry-after", "Fri, 20 Nov 2026 13:05:02 GMT"}}), std::nullopt);
    EXPECT_EQ(hint({{"retry-after", "-3"}}), std::nullopt);
    EXPECT_EQ(hint({{"retry-after", ""}}), std::nullopt);
    EXPECT_EQ(hint({{"retry-after", "18446744073709551615"}}), std::chrono::hours(1));
    EXPECT_EQ(hint({{"x-amz-retry-after", "18446744073709551615"}}), std::chrono::hours(1));
}

}  // namespace
}  // namespace s3client
