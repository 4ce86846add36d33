// The rules of a safe entry name (zip/names.h), written a second time without a look at the first:
// decode all of it, split all of it, ask the lists. Slow and plain. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

using CodePoints = std::vector<std::uint32_t>;

// None unless the text is UTF-8 as RFC 3629 has it.
std::optional<CodePoints> decode_utf8(std::string_view text);
bool is_utf8(std::string_view text);

// But for the length of the whole.
bool is_safe_name(std::string_view name);

}  // namespace fuzz
