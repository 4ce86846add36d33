// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF. Pure.
//
// S3 keys may be any bytes. What is written as JSON must be UTF-8, so all of it goes through
// as_utf8().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace base {

// The length of the sequence that `text` (not empty) begins with; 0 if it begins with none.
std::size_t utf8_sequence_size(std::string_view text);
bool is_valid_utf8(std::string_view text);
// Each byte that belongs to no sequence becomes U+FFFD. Costs a look at each byte of valid text.
std::string as_utf8(std::string text);

}  // namespace base
