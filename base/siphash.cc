#include "base/siphash.h"

#include <bit>
#include <cstddef>
#include <cstring>

#include "base/bytes.h"
#include "base/random.h"

namespace base {
namespace {

struct State {
    std::uint64_t v0, v1, v2, v3;

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void absorb(std::uint64_t word) {
        v3 ^= word;
        round();
        v0 ^= word;
    }
};

}  // namespace

SipKey SipKey::from_system() {
    Random random = Random::from_system();
    SipKey key;
    key.low = random.next();
    key.high = random.next();
    return key;
}

std::uint64_t siphash13(const SipKey& key, std::string_view text) {
    State state{key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d,
                key.low ^ 0x6c7967656e657261, key.high ^ 0x7465646279746573};
    const auto* at = reinterpret_cast<const std::byte*>(text.data());
    const std::byte* const words_end = at + text.size() / 8 * 8;
    for (; at != words_end; at += 8) state.absorb(load_le<std::uint64_t>(at));
    // The last word: the bytes left over, and the length in its top byte.
    std::uint64_t last = std::uint64_t{text.size()} << 56;
    for (std::size_t i = 0; i < text.size() % 8; ++i)
        last |= std::to_integer<std::uint64_t>(at[i]) << 8 * i;
    state.absorb(last);
    state.v2 ^= 0xFF;
    for (int i = 0; i < 3; ++i) state.round();
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace base
