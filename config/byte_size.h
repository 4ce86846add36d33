// Sizes in bytes as people write them: "1048576", "256MiB", "64KB". KiB, MiB, GiB, TiB count in
// 1024s, KB, MB, GB, TB in 1000s; a bare number is bytes. No fractions, no signs, no space, nothing
// that overflows 64 bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

std::optional<std::uint64_t> parse_byte_size(std::string_view text);

// The shortest exact spelling: 268435456 -> "256MiB", 1000 -> "1000".
std::string format_byte_size(std::uint64_t bytes);

}  // namespace config
