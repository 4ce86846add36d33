// What an EngineConfig leaves unsaid is found here: in the variables and profile files of the SDKs.
// Reads small files, at once; for the start. The keys are engine_credentials.h's.
#pragma once

#include <string>

#include "archive/engine.h"
#include "s3client/client.h"
#include "s3client/credentials/credential_source.h"

namespace archive {

struct EngineSettings {
    s3client::ClientConfig client;      // without credentials and on_region
    s3client::Environment environment;  // it names the profile that was configured
    s3client::ChainOf chain = s3client::ChainOf::all;
    std::string ca_bundle;
    std::string sts_region;  // "" if none is known
    std::string sts_regional_endpoints;
};

// Errors: invalid, those of s3client::shared_settings() and read_profiles(); "bad_addressing",
// "ca_bundle", "bad_proxy".
base::Result<EngineSettings> engine_settings(const EngineConfig& config);

// What each of so many lanes has of the configured budgets: amounts at least one.
struct LaneBudgets {
    std::uint64_t job_memory_bytes = 0;  // 0: no limit
    s3client::TrafficBudgets traffic;
};
LaneBudgets lane_budgets(const EngineConfig& config, unsigned lanes);

}  // namespace archive
