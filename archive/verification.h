// Reads an archive back, from S3 or from a file, and checks all of it: structure, every local
// header against the central directory, every CRC, no byte unaccounted for.
#pragma once

#include "archive/archive_job.h"
#include "archive/engine.h"

namespace archive {

// Runs on `home`, one of the engine's lanes. Errors: the archive could not be read. What is wrong
// with it is in the report.
io::Task<base::Result<VerifyReport>> verify_archive(EngineParts& engine, EngineLane& home,
                                                    VerifyRequest request,
                                                    Engine::OnProgress on_progress);

}  // namespace archive
