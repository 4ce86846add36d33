// Byte views and little-endian stores, for wire formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace base {

using Bytes = std::span<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Unaligned little-endian store and load; compiles to one mov on the machines we run on.
template <typename UInt>
inline std::byte* store_le(std::byte* at, UInt value) {
    for (std::size_t i = 0; i < sizeof(UInt); ++i) {
        at[i] = static_cast<std::byte>(value >> (8 * i));
    }
    return at + sizeof(UInt);
}
template <typename UInt>
inline UInt load_le(const std::byte* at) {
    UInt value = 0;
    for (std::size_t i = 0; i < sizeof(UInt); ++i) {
        value = static_cast<UInt>(value | static_cast<UInt>(static_cast<UInt>(at[i]) << (8 * i)));
    }
    return value;
}

}  // namespace base
