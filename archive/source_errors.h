// Errors of reading source objects, in the words of a user.
#pragma once

#include <cstdint>
#include <string>

#include "archive/shard.h"
#include "base/error.h"

namespace archive {

// The error of a GET that fails for good: "source_changed" if the object was changed or deleted
// after it was listed, "object_archived", else unchanged. Nothing is published when a source has
// changed, so the error names which one and why.
base::Error source_error(base::Error error);

// corrupt "checksum_mismatch": the store has `stored` as the CRC-32, the bytes have `read`.
base::Error checksum_mismatch(const std::string& bucket, const ShardEntry& entry,
                              std::uint32_t stored, std::uint32_t read);

}  // namespace archive
