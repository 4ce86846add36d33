#include "archive/engine_settings.h"

#include <algorithm>

#include "s3client/credentials/shared_settings.h"

namespace archive {

base::Result<EngineSettings> engine_settings(const EngineConfig& config) {
    EngineSettings settings;
    settings.environment = config.environment;
    if (!config.profile.empty()) {
        settings.environment = s3client::with_profile(config.environment, config.profile);
        settings.chain = s3client::ChainOf::profile_first;
    }
    const s3client::ProfileLocation location = s3client::profile_location(settings.environment);
    const auto profiles = s3client::read_profiles(location);
    if (!profiles) return std::unexpected(profiles.error());
    auto shared = s3client::shared_settings(
        {config.region, config.endpoint_url, config.ca_bundle, config.dual_stack, config.checksums},
        settings.environment, *profiles, location.profile);
    if (!shared) return std::unexpected(shared.error());
    settings.ca_bundle = shared->ca_bundle;
    settings.sts_region = shared->region_is_known ? shared->region : "";
    settings.sts_regional_endpoints = shared->sts_regional_endpoints;

    s3client::ClientConfig& client = settings.client;
    client.endpoint = std::move(shared->endpoint);
    client.region = std::move(shared->region);
    const auto addressing = s3client::parse_addressing(config.addressing);
    if (!addressing) return std::unexpected(addressing.error());
    client.addressing = *addressing;
    auto proxies = s3client::ProxyRules::from_environment(settings.environment);
    if (!proxies) return std::unexpected(proxies.error());
    if (!proxies->empty())
        client.proxies = std::make_shared<const s3client::ProxyRules>(std::move(*proxies));
    const bool tls_to_proxy =
        client.proxies && ((client.proxies->http() && client.proxies->http()->tls) ||
                           (client.proxies->https() && client.proxies->https()->tls));
    if (client.endpoint.tls || tls_to_proxy) {
        auto tls = io::TlsContext::create(settings.ca_bundle);
        if (!tls) return std::unexpected(tls.error());
        client.tls = std::move(*tls);
    }
    client.send_checksums = shared->send_checksums;
    client.ask_checksums = shared->ask_checksums;
    client.hedge_uploads = config.hedged_uploads == Use::always ||
                           (config.hedged_uploads == Use::automatic && client.endpoint.aws);
    client.connections_max = std::max(1U, config.connections_max);
    client.retry = config.retry;
    client.answered_before = config.endpoint_has_answered;
    client.retry.attempts_max =
        static_cast<std::uint32_t>(std::max<std::uint64_t>(1, config.attempts_max));
    client.idle_timeout = std::chrono::milliseconds(config.request_timeout_ms);
    client.stall_timeout =
        std::chrono::milliseconds(std::max(config.stall_timeout_ms, config.request_timeout_ms));
    return settings;
}

LaneBudgets lane_budgets(const EngineConfig& config, unsigned lanes) {
    const auto amount = [&](std::uint64_t all) {
        return all == 0 ? 0 : std::max<std::uint64_t>(1, all / lanes);
    };
    const auto rate = [&](std::uint64_t all) { return static_cast<double>(all) / lanes; };
    return {
        .job_memory_bytes = amount(config.job_memory_bytes),
        .traffic = {.flow_requests_max = static_cast<unsigned>(amount(config.job_connections_max)),
                    .requests_per_second = rate(config.requests_per_second),
                    .flow_requests_per_second = rate(config.job_requests_per_second)}};
}

}  // namespace archive
