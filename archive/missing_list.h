// The text of the entry _MISSING.txt: which objects were asked for and are not in the archive. One
// line each: the reason, a tab, the object's address, in which control characters, '%' and bytes
// that are not UTF-8 are percent-encoded. Pure; the same objects give the same bytes.
#pragma once

#include <span>
#include <string>

#include "archive/object_report.h"

namespace archive {

// Empty if nothing is missing. The archive itself, found among its sources, is not missing.
std::string missing_list(std::span<const SkippedObject> skipped);

}  // namespace archive
