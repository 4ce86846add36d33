// Credentials of a profile: reads the files, and carries out what the profile says.
#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "io/cancel_fd.h"
#include "s3client/credentials/credential_process.h"
#include "s3client/credentials/credential_source.h"
#include "s3client/credentials/credentials_json.h"
#include "s3client/credentials/profile.h"

namespace s3client {
namespace {

using base::ErrorKind;
using base::Result;

class ProcessSource final : public CredentialSource {
  public:
    explicit ProcessSource(CredentialProcess process) : process_(std::move(process)) {}
    std::string name() const override { return "credential_process"; }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        auto argv = split_command(process_.command);
        if (!argv) co_return std::unexpected(argv.error());
        ProcessLimits limits;
        const base::Duration left = context.bounds.deadline - context.reactor.now();
        limits.timeout = std::clamp(left, base::Duration::zero(), limits.timeout);
        const io::CancelFd stop(context.bounds.cancel);
        limits.stop_fd = stop.fd();
        auto output = co_await context.worker.run(
            context.reactor,
            [argv = std::move(*argv), limits] { return run_process(argv, limits); });
        if (!output) co_return std::unexpected(output.error());
        auto parsed = parse_process_credentials(*output);
        if (!parsed) {
            parsed.error().detail =
                fmt::format("what credential_process printed: {}", parsed.error().detail);
        }
        co_return parsed;
    }

  private:
    const CredentialProcess process_;
};

class ProfileSource final : public CredentialSource {
  public:
    ProfileSource(Environment environment, ProfilePart part, Attempts sts_attempts)
        : environment_(std::move(environment)), part_(part), sts_attempts_(sts_attempts) {}

    std::string name() const override {
        return part_ == ProfilePart::roles ? "roles of the profile" : "keys of the profile";
    }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        const ProfileLocation location = profile_location(environment_);
        const auto read = co_await context.worker.run(
            context.reactor, [&location] { return read_profiles(location); });
        if (!read) co_return std::unexpected(read.error());
        const Profiles& profiles = *read;
        auto plan = profiles.plan(location.profile);
        if (!plan) co_return std::unexpected(plan.error());
        if ((part_ == ProfilePart::keys && plan->gives_nothing()) ||
            (part_ == ProfilePart::roles) == plan->roles.empty()) {
            co_return base::fail(
                ErrorKind::denied, kNoCredentials,
                missing(location, plan->wants_sso ? "has a sign-on only (sso), which a "
                                                    "service cannot do"
                                                  : "gives none"));
        }
        const bool has_roles = !plan->roles.empty();
        const auto source = build(std::move(*plan), sts_of(profiles, location.profile));
        auto got = co_await source->fetch(context);
        // The profile said where they are: a chain must not look elsewhere.
        if (!got && got.error().code == kNoCredentials) got.error().code = "bad_profile";
        if (!got) {
            got.error().detail =
                fmt::format("profile {}{}: {}", location.profile,
                            has_roles ? " (assumes a role)" : "", got.error().detail);
        }
        co_return got;
    }

  private:
    static std::string missing(const ProfileLocation& location, std::string_view what) {
        const auto shown = [](const std::string& file) { return file.empty() ? "(none)" : file; };
        return fmt::format("profile {} of {} and {} {}", location.profile,
                           shown(location.config_file), shown(location.credentials_file), what);
    }

    StsSettings sts_of(const Profiles& profiles, std::string_view profile) const {
        std::string region = environment_("AWS_REGION").value_or("");
        if (region.empty()) region = environment_("AWS_DEFAULT_REGION").value_or("");
        if (region.empty()) region = profiles.setting(profile, "region");
        return {environment_, std::move(region),
                profiles.setting(profile, "sts_regional_endpoints"), sts_attempts_};
    }

    std::unique_ptr<CredentialSource> named(NamedSource which) const {
        switch (which) {
            case NamedSource::environment: return environment_source(environment_);
            case NamedSource::ecs_container: return container_source(environment_);
            case NamedSource::ec2_instance_metadata: break;
        }
        return instance_source(environment_);
    }

    std::unique_ptr<CredentialSource> build(CredentialPlan plan, const StsSettings& sts) const {
        std::unique_ptr<CredentialSource> source;
        if (auto* keys = std::get_if<Credentials>(&plan.base)) {
            source = fixed_source(std::move(*keys));
        } else if (auto* identity = std::get_if<WebIdentity>(&plan.base)) {
            source = web_identity_source(std::move(*identity), sts);
        } else if (auto* process = std::get_if<CredentialProcess>(&plan.base)) {
            source = std::make_unique<ProcessSource>(std::move(*process));
        } else {
            source = named(std::get<NamedSource>(plan.base));
        }
        for (RoleToAssume& role : plan.roles) {
            source = assume_role_source(std::move(source), std::move(role), sts);
        }
        return source;
    }

    const Environment environment_;
    const ProfilePart part_;
    const Attempts sts_attempts_;
};

class ChainSource final : public CredentialSource {
  public:
    explicit ChainSource(std::vector<std::unique_ptr<CredentialSource>> sources)
        : sources_(std::move(sources)) {}

    std::string name() const override {
        return chosen_ == nullptr ? "chain of sources" : chosen_->name();
    }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        if (chosen_ != nullptr) co_return co_await chosen_->fetch(context);
        std::string looked;
        for (const auto& source : sources_) {
            auto got = co_await source->fetch(context);
            if (got) chosen_ = source.get();
            if (got || got.error().code != kNoCredentials) co_return got;
            looked += fmt::format("{}{}: {}", looked.empty() ? "" : "; ", source->name(),
                                  got.error().detail);
        }
        co_return base::fail(ErrorKind::denied, kNoCredentials,
                             fmt::format("no credentials ({})", looked));
    }

  private:
    const std::vector<std::unique_ptr<CredentialSource>> sources_;
    CredentialSource* chosen_ = nullptr;
};

}  // namespace

std::unique_ptr<CredentialSource> profile_source(Environment environment, ProfilePart part,
                                                 Attempts sts_attempts) {
    return std::make_unique<ProfileSource>(std::move(environment), part, sts_attempts);
}

std::unique_ptr<CredentialSource> chain_source(
    std::vector<std::unique_ptr<CredentialSource>> sources) {
    return std::make_unique<ChainSource>(std::move(sources));
}

std::unique_ptr<CredentialSource> default_source(const Environment& environment, ChainOf chain) {
    std::vector<std::unique_ptr<CredentialSource>> sources;
    const bool all = chain == ChainOf::all;
    if (all) sources.push_back(environment_source(environment));
    sources.push_back(profile_source(environment, ProfilePart::roles));
    if (all) sources.push_back(web_identity_source(environment));
    sources.push_back(profile_source(environment, ProfilePart::keys));
    sources.push_back(container_source(environment));
    sources.push_back(instance_source(environment));
    return chain_source(std::move(sources));
}

}  // namespace s3client
