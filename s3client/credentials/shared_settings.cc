#include "s3client/credentials/shared_settings.h"

#include <fmt/format.h>
#include <initializer_list>
#include <utility>

#include "s3client/clip.h"

namespace s3client {
namespace {

using base::Result;

// Where a value was found, for messages.
struct Found {
    std::string value, place;
};

class Lookup {
  public:
    Lookup(const Environment& environment, const Profiles& profiles, const std::string& profile)
        : environment_(environment), profiles_(profiles), profile_(profile) {}

    // The first that is set: the variables, then the profile's setting. An empty name asks nothing.
    Found first(std::initializer_list<std::string_view> variables, std::string_view setting) const {
        for (const std::string_view name : variables) {
            if (auto value = environment_(name)) return {std::move(*value), std::string(name)};
        }
        return {profiles_.setting(profile_, setting),
                fmt::format("{} of profile {}", setting, profile_)};
    }

    Result<std::optional<bool>> flag(std::string_view variable, std::string_view setting) const {
        return either(variable, setting, "true", "false");
    }

    // Whether the variable or the profile's setting is `yes`, in whatever case of letters; none
    // if neither is set.
    Result<std::optional<bool>> either(std::string_view variable, std::string_view setting,
                                       std::string_view yes, std::string_view no) const {
        const Found found = first({variable}, setting);
        std::string word = found.value;
        for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (word.empty()) return std::nullopt;
        if (word == yes) return true;
        if (word == no) return false;
        return base::fail(
            base::ErrorKind::invalid, "bad_setting",
            fmt::format("{}: '{}' must be {} or {}", found.place, clip(found.value, 100), yes, no));
    }

  private:
    const Environment& environment_;
    const Profiles& profiles_;
    const std::string& profile_;
};

Result<Found> endpoint_url(const std::string& configured, const Lookup& lookup) {
    if (!configured.empty()) return Found{configured, "the endpoint"};
    const auto ignored =
        lookup.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
    if (!ignored) return std::unexpected(ignored.error());
    if (ignored->value_or(false)) return Found{};
    return lookup.first({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "endpoint_url");
}

// Sets what of the checksums is used.
base::Status find_checksums(std::optional<ChecksumUse> configured, const Lookup& lookup,
                            SharedSettings& settings) {
    if (configured) {
        settings.send_checksums = *configured == ChecksumUse::when_supported;
        settings.ask_checksums = settings.send_checksums;
        return {};
    }
    const auto send =
        lookup.either("AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation",
                      "when_supported", "when_required");
    if (!send) return std::unexpected(send.error());
    const auto ask =
        lookup.either("AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation",
                      "when_supported", "when_required");
    if (!ask) return std::unexpected(ask.error());
    settings.send_checksums = send->value_or(true);
    settings.ask_checksums = ask->value_or(true);
    return {};
}

base::Error at(const std::string& place, base::Error error) {
    error.detail = place + ": " + error.detail;
    return error;
}

Result<Endpoint> endpoint_of(const Found& url, const std::string& region,
                             std::optional<bool> dual_stack) {
    const bool dual = dual_stack.value_or(false);
    if (url.value.empty())
        return endpoint_of_region(region, dual ? IpVersions::dual_stack : IpVersions::v4);
    auto endpoint = parse_endpoint(url.value);
    if (!endpoint) return std::unexpected(at(url.place, endpoint.error()));
    if (dual) {
        return base::fail(base::ErrorKind::invalid, "bad_endpoint",
                          fmt::format("{} is {}, and dual-stack is asked for: only AWS's usual "
                                      "endpoints have it",
                                      url.place, endpoint->url()));
    }
    return endpoint;
}

}  // namespace

Result<SharedSettings> shared_settings(const ConfiguredSettings& configured,
                                       const Environment& environment, const Profiles& profiles,
                                       const std::string& profile) {
    const Lookup lookup(environment, profiles, profile);
    SharedSettings settings;
    Found region{configured.region, "the region"};
    if (region.value.empty()) region = lookup.first({"AWS_REGION", "AWS_DEFAULT_REGION"}, "region");
    settings.region_is_known = !region.value.empty();
    settings.region = settings.region_is_known ? region.value : "us-east-1";
    if (const auto ok = endpoint_of_region(settings.region); !ok)
        return std::unexpected(at(region.place, ok.error()));

    const auto url = endpoint_url(configured.endpoint_url, lookup);
    if (!url) return std::unexpected(url.error());
    auto dual_stack = configured.dual_stack;
    if (!dual_stack) {
        const auto said = lookup.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
        if (!said) return std::unexpected(said.error());
        dual_stack = *said;
    }
    auto endpoint = endpoint_of(*url, settings.region, dual_stack);
    if (!endpoint) return std::unexpected(endpoint.error());
    settings.endpoint = std::move(*endpoint);
    settings.ca_bundle = configured.ca_bundle;
    if (settings.ca_bundle.empty())
        settings.ca_bundle = lookup.first({"AWS_CA_BUNDLE"}, "ca_bundle").value;
    if (auto found = find_checksums(configured.checksums, lookup, settings); !found)
        return std::unexpected(found.error());
    settings.sts_regional_endpoints = profiles.setting(profile, "sts_regional_endpoints");
    return settings;
}

Environment with_profile(Environment environment, std::string profile) {
    return [environment = std::move(environment),
            profile = std::move(profile)](std::string_view name) -> std::optional<std::string> {
        return name == "AWS_PROFILE" ? std::optional(profile) : environment(name);
    };
}

}  // namespace s3client
