#include "s3client/traffic/concurrency_limit.h"

#include <algorithm>

namespace s3client {

ConcurrencyLimit::ConcurrencyLimit(unsigned limit_max)
    : limit_max_(std::max(1U, limit_max)), limit_(std::min(kStart, limit_max_)) {}

void ConcurrencyLimit::on_ended(base::SteadyTime now, std::uint64_t bytes, bool waiting) {
    if (ended_ == 0 || now - window_at_ > kWindowMax) {  // after a rest, a new look
        window_at_ = now;
        work_ = 0;
        ended_ = waited_ = 0;
        ++ended_;
        return;
    }
    work_ += static_cast<double>(bytes) + kRequestBytes;
    ++ended_;
    waited_ += waiting ? 1 : 0;
    const base::Duration lasted = now - window_at_;
    if (lasted < kWindowMin || (ended_ <= limit_ && lasted < kWindowMax)) return;
    // With places free the limit is not what held us up.
    if (waited_ * 2 > ended_)
        end_window(work_ / std::chrono::duration<double>(lasted).count());
    else
        from_ = 0;
    ended_ = 0;
}

void ConcurrencyLimit::end_window(double throughput) {
    if (from_ != 0) {
        const double more = static_cast<double>(limit_) / from_ - 1;  // negative: fewer
        const bool up = limit_ > from_;
        const double needed = throughput_from_ * (up ? 1 + kGainMin * more : 1 - kLossMax);
        if (throughput < needed) {
            limit_ = from_;
            from_ = 0;
            rest_ = kRestWindows;
            up_next_ = !up;
            return;
        }
        if (!up) {
            from_ = 0;
            rest_ = kRestWindows;
            return;
        }
    }
    if (rest_ > 0) {
        --rest_;
        return;
    }
    const unsigned next = up_next_ ? std::min(limit_ + limit_ / 2, limit_max_)
                                   : std::max(limit_ - limit_ / 4, std::min(kMin, limit_max_));
    up_next_ = next > limit_ || !up_next_;
    if (next != limit_) climb_to(next, throughput);
}

void ConcurrencyLimit::climb_to(unsigned limit, double throughput) {
    from_ = limit_;
    throughput_from_ = throughput;
    limit_ = limit;
}

}  // namespace s3client
