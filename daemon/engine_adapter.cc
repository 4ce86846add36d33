#include "daemon/engine_adapter.h"

#include <utility>

namespace s3zipd {

namespace {

archive::Use use_of(config::Use use) {
    switch (use) {
        case config::Use::automatic: return archive::Use::automatic;
        case config::Use::always: return archive::Use::always;
        case config::Use::never: return archive::Use::never;
    }
    return archive::Use::automatic;
}

archive::PartLayout layout_of(config::PartLayout layout) {
    switch (layout) {
        case config::PartLayout::automatic: return archive::PartLayout::automatic;
        case config::PartLayout::entries: return archive::PartLayout::entries;
        case config::PartLayout::uniform: return archive::PartLayout::uniform;
    }
    return archive::PartLayout::automatic;
}

s3client::ChecksumUse checksums_of(config::ChecksumUse use) {
    return use == config::ChecksumUse::when_required ? s3client::ChecksumUse::when_required
                                                     : s3client::ChecksumUse::when_supported;
}

}  // namespace

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
    config.conditional_writes = use_of(settings.conditional_writes);
    config.hedged_uploads = use_of(settings.hedged_uploads);
    config.part_layout = layout_of(settings.part_layout);
    config.no_sign_request = settings.no_sign_request;
    if (settings.checksums) config.checksums = checksums_of(*settings.checksums);
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
