// Lists prefixes, asks for explicit objects and reads manifest files, in the order of the request:
// the part of planning that talks to S3. Call it on the client's reactor; the request must outlive
// the task.
#pragma once

#include "archive/request.h"
#include "archive/selection.h"
#include "io/worker_thread.h"
#include "s3client/client.h"

namespace archive {

// `worker` runs turns of some 10 ms, so that jobs can share it. Errors name the object or prefix:
// what S3 said; that objects are missing or archived and on_missing is "fail"; "bad_listing" of a
// store that lists wrongly (listing.h); a limit of plan_limits.h that was passed.
io::Task<base::Result<Selection>> select_objects(s3client::S3Client& client, io::Reactor& reactor,
                                                 io::WorkerThread& worker,
                                                 const ArchiveRequest& request, PlanLimits limits,
                                                 s3client::CallContext context);

}  // namespace archive
