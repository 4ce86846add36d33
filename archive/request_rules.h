// The rules of validate() that request.cc and destination_rules.cc share. Internal to archive/.
#pragma once

#include <string>
#include <string_view>

#include "archive/request.h"

namespace archive::rules {

inline constexpr std::size_t kAccountDigits = 12;

// An error about the field at `pointer`.
base::Status bad(std::string pointer, std::string_view code, std::string detail);
// The same error, about the field at `pointer`.
base::Status at(std::string pointer, base::Status status);

bool is_account(std::string_view text);  // 12 digits
// ASCII letters and digits, and those in `others`; not empty.
bool consists_of(std::string_view text, std::string_view others);

// `pointer` is that of the object that has the fields.
base::Status validate_access(const s3client::Access& access, const std::string& pointer);
base::Status validate_destination(const Destination& destination);

}  // namespace archive::rules
