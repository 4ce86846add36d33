// What the daemon needs of the engine: a seam, so that the control plane is tested without S3 and
// without reactors. The one real implementation is in engine_adapter.h.
//
// Thread-safe. Callbacks may come on any thread, also before the call returns; they must be quick
// and not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "archive/engine.h"
#include "archive/job.h"
#include "archive/request.h"
#include "archive/upload_release.h"
#include "base/error.h"

namespace s3zipd {

class JobEngine {
  public:
    using OnChange = std::function<void(const std::shared_ptr<archive::Job>&)>;
    using OnPlan = std::function<void(base::Result<archive::PlanSummary>)>;

    virtual ~JobEngine() = default;
    virtual void start(std::shared_ptr<archive::Job> job, OnChange on_change) = 0;
    virtual void plan(archive::ArchiveRequest request, OnPlan done) = 0;
    // At once, unless keys must be fetched for it: then after some seconds at most.
    using OnUrl = std::function<void(base::Result<std::string>)>;
    virtual void presign_get(archive::PresignRequest request, OnUrl done) = 0;
    // Removes an upload that a job has left behind; a minute at most.
    using OnRelease = std::function<void(base::Result<archive::Release>)>;
    virtual void release_upload(archive::UploadClaim claim, OnRelease done) = 0;
    virtual archive::EngineStats stats() const = 0;
};

}  // namespace s3zipd
