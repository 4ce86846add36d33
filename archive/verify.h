// Reads an archive back, from S3 or from a file, and checks all of it: structure, every local
// header against the central directory, every CRC, no byte unaccounted for. Ranges are read side by
// side into part memory.
#pragma once

#include <string>

#include "archive/engine.h"
#include "archive/part_builder.h"
#include "io/worker_thread.h"

namespace archive {

struct VerifySource {
    std::string bucket, key;
    std::string path;  // a local file, if not empty
};

// Errors: the archive could not be read. What is wrong with it is in the report.
io::Task<base::Result<VerifyReport>> verify_archive(ShardContext context, io::WorkerThread& worker,
                                                    VerifySource source,
                                                    Engine::OnProgress on_progress);

}  // namespace archive
