// What `s3zip verify --json` says. cli/README.md has an example.
#pragma once

#include <string>

#include "archive/verify.h"

namespace cli {

// Names in damaged archives may be anything: what is not UTF-8 in them becomes U+FFFD, since JSON
// could not hold it.
std::string verify_json(const std::string& target, const archive::VerifyReport& report);

}  // namespace cli
