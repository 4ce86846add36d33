#include "archive/engine_credentials.h"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>

#include "base/log.h"

namespace archive {
namespace {

using base::Result;
using base::Status;

// Credentials are fetched minutes apart, from one place or two.
constexpr unsigned kConnectionsMax = 8;

// What CloudTrail shows of who took a role: the same for all sessions of this machine.
std::string session_name() {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=,.@-";
    constexpr std::size_t kSizeMax = 64;
    std::array<char, 256> host{};
    std::string name = "s3zipd";
    if (::gethostname(host.data(), host.size() - 1) == 0 && host.front() != '\0')
        name += "-" + std::string(host.data());
    std::erase_if(name, [&](char c) { return !kAllowed.contains(c); });
    return name.substr(0, kSizeMax);
}

}  // namespace

EngineCredentials::EngineCredentials(const EngineSettings& settings)
    : sts_{settings.environment, settings.sts_region, settings.sts_regional_endpoints} {}

Result<std::unique_ptr<EngineCredentials>> EngineCredentials::start(
    const EngineConfig& config, const EngineSettings& settings) {
    std::unique_ptr<EngineCredentials> made(new EngineCredentials(settings));
    std::shared_ptr<io::TlsContext> tls = settings.client.tls;
    if (!tls) {
        // STS may want it, where S3 is a store without; it need not be there otherwise.
        auto created = io::TlsContext::create(settings.ca_bundle);
        if (created) tls = std::move(*created);
    }
    if (auto started = made->start_lane(tls, settings.client.proxies); !started)
        return std::unexpected(started.error());
    if (auto chosen = made->choose_own(config, settings); !chosen)
        return std::unexpected(chosen.error());
    return made;
}

EngineCredentials::~EngineCredentials() {
    if (!lane_) return;
    if (refreshing_) refreshing_->stop();
    const std::lock_guard lock(mutex_);
    for (auto& [key, role] : roles_) role.credentials->stop();
}

Status EngineCredentials::start_lane(const std::shared_ptr<io::TlsContext>& tls,
                                     const std::shared_ptr<const s3client::ProxyRules>& proxies) {
    // A ring would be wasted on it.
    auto started = io::Lane::start(
        io::BackendChoice::epoll,
        [this, &tls, &proxies](io::Lane& self) -> Status {
            connections_ = std::make_unique<s3client::ConnectionPool>(
                self.reactor(), tls, kConnectionsMax, nullptr, std::nullopt, proxies);
            return {};
        },
        [this] { connections_.reset(); });
    if (!started) return std::unexpected(started.error());
    lane_ = std::move(*started);
    return {};
}

Status EngineCredentials::choose_own(const EngineConfig& config, const EngineSettings& settings) {
    if (config.no_sign_request) {
        own_ = s3client::anonymous_credentials();
        signs_ = false;
        return {};
    }
    if (!config.access_key_id.empty() || !config.secret_access_key.empty()) {
        auto given = s3client::static_credentials(
            {config.access_key_id, config.secret_access_key, config.session_token, std::nullopt});
        if (!given) return std::unexpected(given.error());
        own_ = std::move(*given);
        return {};
    }
    if (settings.chain == s3client::ChainOf::all) {
        // Half a pair is a mistake to be told at once.
        if (auto pair = s3client::environment_credentials(settings.environment); !pair)
            return std::unexpected(pair.error());
    }
    refreshing_ = refreshed(s3client::default_source(settings.environment, settings.chain));
    refreshing_->prime();
    own_ = refreshing_;
    return {};
}

std::shared_ptr<s3client::RefreshingCredentials> EngineCredentials::refreshed(
    std::unique_ptr<s3client::CredentialSource> source) {
    return std::make_shared<s3client::RefreshingCredentials>(*lane_, worker_, *connections_,
                                                             std::move(source));
}

Result<EngineCredentials::Lease> EngineCredentials::of_role(const std::string& role_arn,
                                                            const std::string& external_id) {
    if (!signs_) {
        return base::fail(
            base::ErrorKind::invalid, "bad_role_arn",
            fmt::format("{}: no request is signed, because no_sign_request is set", role_arn));
    }
    const RoleKey key{role_arn, external_id};
    const std::lock_guard lock(mutex_);
    auto found = roles_.find(key);
    if (found == roles_.end()) {
        if (!make_room()) {
            return base::fail(base::ErrorKind::exhausted, "too_many_roles",
                              fmt::format("{}: {} roles are in use already", role_arn, kRolesMax));
        }
        s3client::RoleToAssume role;
        role.role_arn = role_arn;
        role.external_id = external_id;
        role.role_session_name = session_name();
        found = roles_.try_emplace(key).first;
        found->second.credentials =
            refreshed(s3client::assume_role_source(own_, std::move(role), sts_));
    }
    ++found->second.users;
    return Lease(found->second.credentials.get(),
                 [this, key](s3client::CredentialsProvider*) { give_back(key); });
}

void EngineCredentials::give_back(const RoleKey& key) {
    const std::lock_guard lock(mutex_);
    Role& role = roles_.at(key);
    --role.users;
    role.last_use = ++uses_;
}

// Under the lock.
bool EngineCredentials::make_room() {
    if (roles_.size() < kRolesMax) return true;
    auto oldest = roles_.end();
    for (auto it = roles_.begin(); it != roles_.end(); ++it) {
        const bool idle = it->second.users == 0;
        if (idle && (oldest == roles_.end() || it->second.last_use < oldest->second.last_use))
            oldest = it;
    }
    if (oldest == roles_.end()) return false;
    // A refresh that its last user started may be under way: the lane lets go of it.
    oldest->second.credentials->stop();
    lane_->spawn([unused = std::move(oldest->second.credentials)]() mutable {
        return s3client::RefreshingCredentials::retire(std::move(unused));
    });
    roles_.erase(oldest);
    return true;
}

std::size_t EngineCredentials::roles() const {
    const std::lock_guard lock(mutex_);
    return roles_.size();
}

}  // namespace archive
