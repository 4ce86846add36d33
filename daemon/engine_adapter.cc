#include "daemon/engine_adapter.h"

#include <utility>

namespace s3zipd {

archive::EngineConfig engine_config(const config::Settings& settings) {
    archive::EngineConfig config;
    switch (settings.io) {
        case config::Io::automatic: config.io = archive::IoChoice::automatic; break;
        case config::Io::uring: config.io = archive::IoChoice::uring; break;
        case config::Io::epoll: config.io = archive::IoChoice::epoll; break;
    }
    config.reactors = settings.reactors;
    config.memory_bytes = settings.memory_bytes;
    config.part_size_bytes = settings.part_size_bytes;
    config.connections_max = settings.connections_max;
    config.job_memory_bytes = settings.job_memory_bytes;
    config.plan_memory_bytes = settings.plan_memory_bytes;
    config.job_connections_max = settings.job_connections_max;
    config.requests_per_second = settings.requests_per_second;
    config.job_requests_per_second = settings.job_requests_per_second;
    config.region = settings.region;
    config.endpoint_url = settings.endpoint_url;
    config.addressing = settings.addressing;
    config.ca_bundle = settings.ca_bundle;
    config.dual_stack = settings.dual_stack;
    config.profile = settings.profile;
    return config;
}

void EngineAdapter::start(std::shared_ptr<archive::Job> job, OnChange on_change) {
    engine_.start(std::move(job), std::move(on_change));
}

void EngineAdapter::plan(archive::ArchiveRequest request, OnPlan done) {
    engine_.plan(std::move(request), std::move(done));
}

void EngineAdapter::presign_get(archive::PresignRequest request, OnUrl done) {
    engine_.presign_get(std::move(request), std::move(done));
}

void EngineAdapter::release_upload(archive::UploadClaim claim, OnRelease done) {
    engine_.release_upload(std::move(claim), std::move(done));
}

archive::EngineStats EngineAdapter::stats() const { return engine_.stats(); }

}  // namespace s3zipd
