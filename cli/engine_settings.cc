#include "cli/engine_settings.h"

#include <initializer_list>
#include <string_view>

namespace cli {
namespace {

// The first of these variables that is set; else what is there already.
void take(const s3client::Environment& environment, std::initializer_list<std::string_view> names,
          std::string& to) {
    for (const std::string_view name : names) {
        if (auto value = environment(name)) {
            to = std::move(*value);
            return;
        }
    }
}

archive::IoChoice io_choice(std::string_view word) {
    if (word == "uring") return archive::IoChoice::uring;
    if (word == "epoll") return archive::IoChoice::epoll;
    return archive::IoChoice::automatic;
}

}  // namespace

archive::EngineConfig engine_config(const LocalSettings& settings,
                                    const s3client::Environment& environment) {
    archive::EngineConfig config;
    config.io = io_choice(settings.io);
    config.reactors = settings.reactors;
    config.memory_bytes = settings.memory_bytes;
    take(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"}, config.region);
    if (environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").value_or("") != "true") {
        take(environment, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, config.endpoint_url);
    }
    take(environment, {"AWS_CA_BUNDLE"}, config.ca_bundle);
    take(environment, {"AWS_ACCESS_KEY_ID"}, config.access_key_id);
    take(environment, {"AWS_SECRET_ACCESS_KEY"}, config.secret_access_key);
    take(environment, {"AWS_SESSION_TOKEN"}, config.session_token);
    return config;
}

}  // namespace cli
