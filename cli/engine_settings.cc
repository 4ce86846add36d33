#include "cli/engine_settings.h"

#include <string_view>

namespace cli {
namespace {

archive::IoChoice io_choice(std::string_view word) {
    if (word == "uring") return archive::IoChoice::uring;
    if (word == "epoll") return archive::IoChoice::epoll;
    return archive::IoChoice::automatic;
}

archive::Use use_of(std::string_view word) {
    if (word == "always") return archive::Use::always;
    if (word == "never") return archive::Use::never;
    return archive::Use::automatic;
}

}  // namespace

archive::EngineConfig engine_config(const LocalSettings& settings,
                                    const s3client::Environment& environment) {
    archive::EngineConfig config;
    config.io = io_choice(settings.io);
    config.reactors = settings.reactors;
    config.memory_bytes = settings.memory_bytes;
    config.plan_memory_bytes = settings.plan_memory_bytes;
    config.profile = settings.profile;
    config.dual_stack = settings.dual_stack;
    config.conditional_writes = use_of(settings.conditional_writes);
    config.hedged_uploads = use_of(settings.hedged_uploads);
    config.no_sign_request = settings.no_sign_request;
    config.environment = environment;
    return config;
}

}  // namespace cli
