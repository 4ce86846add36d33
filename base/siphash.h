// SipHash-1-3: a keyed hash for tables whose keys come from strangers. Without the key nobody can
// choose texts that fall into one chain. 64 bits, about a nanosecond a byte for short texts. Pure.
// Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), with one and three rounds.
#pragma once

#include <cstdint>
#include <string_view>

namespace base {

struct SipKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    static SipKey from_system();  // from getrandom(2)
};

std::uint64_t siphash13(const SipKey& key, std::string_view text);

}  // namespace base
