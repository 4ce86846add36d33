#include "base/random.h"

#include <sys/random.h>
#include <bit>

#include "base/check.h"

namespace base {
namespace {

__extension__ using Wide = unsigned __int128;

// splitmix64, as xoshiro's authors advise for seeding.
std::uint64_t split_mix(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) {
    for (auto& word : state_) word = split_mix(seed);
}

Random Random::from_system() {
    std::uint64_t seed = 0;
    CHECK(getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
    return Random(seed);
}

std::uint64_t Random::next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
    CHECK(bound > 0);
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::string make_id(UtcTime now, Random& random) {
    constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    Wide bits = static_cast<std::uint64_t>(now.time_since_epoch().count()) & 0xFFFFFFFFFFFFULL;
    bits = bits << 64 | random.next();
    bits = bits << 16 | (random.next() & 0xFFFF);
    std::string id(26, '0');
    for (std::size_t i = 26; i-- > 0; bits >>= 5)
        id[i] = kAlphabet[static_cast<unsigned>(bits & 31)];
    return id;
}

}  // namespace base
