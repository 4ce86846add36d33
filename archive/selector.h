// Lists prefixes, asks for explicit objects and reads manifest files, in the order of the request:
// the part of planning that talks to S3. Call it on the client's reactor; the request must outlive
// the task.
#pragma once

#include "archive/request.h"
#include "archive/selection.h"
#include "io/worker_thread.h"
#include "s3client/client.h"

namespace archive {

// Errors name the object or prefix: what S3 said, or that objects are missing or archived and
// on_missing is "fail".
io::Task<base::Result<Selection>> select_objects(s3client::S3Client& client, io::Reactor& reactor,
                                                 io::WorkerThread& worker,
                                                 const ArchiveRequest& request,
                                                 s3client::CallContext context);

}  // namespace archive
