// Glob patterns on keys, as the AWS CLI has them: '*' any run of bytes, '/' included; '?' one byte;
// [abc], [a-z], [!a] one byte of a set; everything else is itself. Matches the whole text. Linear
// in practice, quadratic at worst.
#pragma once

#include <string_view>

namespace archive {

bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace archive
