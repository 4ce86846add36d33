// Randomness behind an interface (a simulation seeds it), and the ids made from it.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace base {

// xoshiro256**: quick, seedable, not for secrets. Not thread-safe: one per reactor.
class Random {
  public:
    explicit Random(std::uint64_t seed);
    static Random from_system();  // seeded by getrandom(2)

    std::uint64_t next();
    std::uint64_t below(std::uint64_t bound);  // uniform in [0, bound); bound > 0
    double unit();                             // uniform in [0, 1)

  private:
    std::uint64_t state_[4];
};

// A job id: 26 characters of Crockford base32, 48 bits of milliseconds then 80 random bits (the
// ULID layout), so that ids sort by time of creation.
std::string make_id(UtcTime now, Random& random);

}  // namespace base
