// The request as the daemon wants it: the body of POST /archives and POST /plans (docs/API.md).
// Only what differs from the defaults is written, so that the daemon's defaults count.
#pragma once

#include <cstdint>
#include <string>

#include "archive/request.h"

namespace cli {

// Hidden: as the daemon shows them, "(set)".
enum class Secrets : std::uint8_t { written, hidden };
std::string request_json(const archive::ArchiveRequest& request, Secrets secrets);

}  // namespace cli
