// Objects that cannot be read at once: the classes GLACIER and DEEP_ARCHIVE without a restored
// copy, and INTELLIGENT_TIERING in an archive tier. What is archived depends on the time, because
// restored copies arrive and expire.
#pragma once

#include <string_view>

#include "s3sim/bucket.h"
#include "s3sim/http.h"

namespace s3sim {

inline constexpr std::string_view kArchiveAccess = "ARCHIVE_ACCESS";
inline constexpr std::string_view kDeepArchiveAccess = "DEEP_ARCHIVE_ACCESS";

bool is_archive_class(std::string_view storage_class);
bool is_archived(const Object& object, base::UtcTime now);  // whether reading is refused
Answered<void> check_readable(const Object& object, base::UtcTime now, std::string_view message);
void add_archive_headers(Response& response, const Object& object, base::UtcTime now);

}  // namespace s3sim
