// How many requests are under way at a time, found out from what comes of more of them.
//
// Hill climbing on measured throughput: while requests stand in line, each window is compared with
// the last one; if half as many more requests brought too little more, the limit goes back and
// stays for a while, then tries again. Now and then it tries with fewer, and stays there if nothing
// is lost. A window lasts until as many requests have ended as may be under way, so that slow
// answers are waited for (latency decides how long a look takes, throughput what is seen).
//
// Pure: the caller brings the time. One for each client; not thread-safe.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace s3client {

class ConcurrencyLimit {
  public:
    static constexpr unsigned kMin = 16;
    static constexpr unsigned kStart = 32;
    static constexpr base::Duration kWindowMin = std::chrono::milliseconds(200);
    static constexpr base::Duration kWindowMax = std::chrono::seconds(5);

    explicit ConcurrencyLimit(unsigned limit_max);

    unsigned limit() const { return limit_; }
    // A request ended that moved so many bytes; `waiting`: others stand in line for its place.
    void on_ended(base::SteadyTime now, std::uint64_t bytes, bool waiting);

  private:
    // So many bytes cost as much as a request does: what a window counts is bytes and requests.
    static constexpr double kRequestBytes = 64 << 10;
    // Of what more requests would bring if nothing else were in the way.
    static constexpr double kGainMin = 0.25;
    static constexpr double kLossMax = 0.03;
    static constexpr unsigned kRestWindows = 16;

    void end_window(double throughput);
    void climb_to(unsigned limit, double throughput);

    const unsigned limit_max_;
    unsigned limit_;
    // Where we come from while a step is being looked at; 0: none is.
    unsigned from_ = 0;
    double throughput_from_ = 0;
    unsigned rest_ = 0;  // windows until the next step
    bool up_next_ = true;

    base::SteadyTime window_at_{};
    double work_ = 0;
    unsigned ended_ = 0, waited_ = 0;  // requests; of which left somebody standing in line
};

}  // namespace s3client
