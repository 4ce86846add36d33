// What this build is. The values come from CMake and the compiler.
#pragma once

#include <string_view>

namespace s3zipd {

extern const std::string_view kVersion;   // "0.1.0"
extern const std::string_view kCompiler;  // "Clang 19.1.7 ..."

}  // namespace s3zipd
