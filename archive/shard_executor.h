// Executes a shard: for each of its parts, memory, GETs, headers, UploadPart. The same code runs it
// on a reactor of the daemon and in a worker elsewhere.
#pragma once

#include "archive/part_builder.h"
#include "archive/shard.h"

namespace archive {

// Waits for the memory of a part.
io::Task<base::Result<io::PartMemory>> reserve_for(const ShardContext& context,
                                                   const ShardPart& part);

// `shard` has no directory segments: those parts are the finisher's. `memory` is what has become of
// reserve_for() its first part; several may run side by side.
io::Task<base::Result<ShardResult>> execute_shard(ShardContext context, const ShardPlan& shard,
                                                  base::Result<io::PartMemory> memory);

}  // namespace archive
