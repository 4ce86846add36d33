// Executes a shard: for each of its parts, memory, GETs, headers, UploadPart. The same code runs it
// on a reactor of the daemon and in a worker elsewhere.
#pragma once

#include "archive/part_builder.h"
#include "archive/shard.h"

namespace archive {

// `shard` has no directory segments: those parts are the finisher's. Waits for memory, so several
// may run side by side.
io::Task<base::Result<ShardResult>> execute_shard(ShardContext context, const ShardPlan& shard);

}  // namespace archive
