// The end of an archive: the last parts, which hold the central directory and what was left over,
// and the request that makes it appear. A small archive is nothing but its last part, sent as one
// PutObject.
#pragma once

#include "archive/archive_write.h"
#include "archive/part_board.h"
#include "archive/part_builder.h"
#include "archive/plan.h"

namespace archive {

// Runs on the job's own reactor after all other parts are done. Records the last parts on the
// board. Errors: those of the S3 calls and of ArchiveWrite; the destination is then unchanged.
io::Task<base::Result<ArchiveResult>> finish_archive(ShardContext context, const Plan& plan,
                                                     PartBoard& board,
                                                     s3client::UploadTarget upload,
                                                     Destination destination, std::string job_id,
                                                     Use conditional);

}  // namespace archive
