// The real engine behind the daemon's seam, and how settings become its configuration.
#pragma once

#include "archive/engine.h"
#include "config/settings.h"
#include "daemon/job_engine.h"

namespace s3zipd {

archive::EngineConfig engine_config(const config::Settings& settings);

class EngineAdapter final : public JobEngine {
  public:
    explicit EngineAdapter(archive::Engine& engine) : engine_(engine) {}

    void start(std::shared_ptr<archive::Job> job, OnChange on_change) override;
    void plan(archive::ArchiveRequest request, OnPlan done) override;
    void presign_get(archive::PresignRequest request, OnUrl done) override;
    void release_upload(archive::UploadClaim claim, OnRelease done) override;
    archive::EngineStats stats() const override;

  private:
    archive::Engine& engine_;
};

}  // namespace s3zipd
