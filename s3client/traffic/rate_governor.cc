#include "s3client/traffic/rate_governor.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace s3client {
namespace {

constexpr base::Duration kSecond = std::chrono::seconds(1);
// What may go at once after a rest: smooths the timers' grain.
constexpr double kBurst_s = 0.02;
// Once so far above the last refusal there is no limit any more.
constexpr double kForget = 50;

double seconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

double RateGovernor::rate(base::SteadyTime now) const {
    const double since = seconds(now - fell_at_);
    const double t = (since - kPlateau_s) / kPlateau_s;
    double rate = ceiling_ * (1 + (1 - kFall) * t * t * t);
    if (refused_all_) rate = std::min(rate, kProbe * std::exp2(since));
    return std::max(kRateMin, rate);
}

std::optional<base::Duration> RateGovernor::take(base::SteadyTime now) {
    if (limited_ && rate(now) > kForget * std::max(1.0, ceiling_)) limited_ = false;
    if (limited_) {
        const double per_second = rate(now);
        const double burst = std::max(1.0, per_second * kBurst_s);
        tokens_ = std::min(burst, tokens_ + per_second * seconds(now - tokens_at_));
        tokens_at_ = now;
        if (tokens_ < 1) {
            return std::chrono::ceil<base::Duration>(
                std::chrono::duration<double>((1 - tokens_) / per_second));
        }
        tokens_ -= 1;
    }
    asked_.add(now);
    return std::nullopt;
}

void RateGovernor::on_answered(base::SteadyTime now) { answered_.add(now); }

void RateGovernor::on_throttled(base::SteadyTime now) {
    if (limited_ && now - fell_at_ < kReaction) return;
    const double answered = answered_.last_second(now);
    // Whether it refuses everything is only known of who has been asked for less already.
    refused_all_ = limited_ && answered == 0;
    // What was answered is what there is; but it may have been little for other reasons, so no fall
    // is deeper than to a half.
    if (limited_) {
        const double was = rate(now);
        if (!refused_all_) ceiling_ = std::clamp(answered, was / 2, was);
    } else {
        ceiling_ = std::max({answered, asked_.last_second(now) / 2, kFirstFallMin});
    }
    limited_ = true;
    fell_at_ = tokens_at_ = now;
    tokens_ = 0;
}

void RateGovernor::Count::add(base::SteadyTime now) {
    last_second(now);
    ++here_;
}

double RateGovernor::Count::last_second(base::SteadyTime now) {
    if (now - second_at_ >= 2 * kSecond) {
        before_ = here_ = 0;
        second_at_ = now;
    } else if (now - second_at_ >= kSecond) {
        before_ = std::exchange(here_, 0);
        second_at_ += kSecond;
    }
    return here_ + before_ * (1 - seconds(now - second_at_));
}

}  // namespace s3client
