// The engine's settings for commands that run without a daemon: our flags; the engine itself looks
// up what the SDKs are told by `environment` and the profile.
#pragma once

#include "archive/engine.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "s3client/environment.h"

namespace cli {

archive::EngineConfig engine_config(const LocalSettings& settings,
                                    const s3client::Environment& environment);

}  // namespace cli
