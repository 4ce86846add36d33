// Whose keys sign: the engine's own, found as the SDKs find theirs and refreshed ahead of their
// end, and those of the roles that jobs name, which STS gives for them.
//
// Thread-safe. Fetching is done on a lane of its own, with its own connections and worker, so that
// neither transfers nor plans hold it up. Nothing is waited for here: the first calls wait for the
// first fetch (CredentialsProvider::renew). Destroyed after the last call and the last lease.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "archive/engine_settings.h"
#include "io/lane.h"
#include "io/worker_thread.h"
#include "s3client/credentials/refreshing_credentials.h"

namespace archive {

class EngineCredentials {
  public:
    // Roles that are remembered; those nobody uses go first, the longest unused before.
    static constexpr std::size_t kRolesMax = 1'000;

    // None with EngineConfig::no_sign_request; else keys of the config win, then the chain of
    // s3client::default_source(), whose first fetch begins. Errors: invalid "bad_credentials" for
    // half a pair of keys; those of io::Lane.
    static base::Result<std::unique_ptr<EngineCredentials>> start(const EngineConfig& config,
                                                                  const EngineSettings& settings);
    ~EngineCredentials();
    EngineCredentials(const EngineCredentials&) = delete;
    EngineCredentials& operator=(const EngineCredentials&) = delete;

    const std::shared_ptr<s3client::CredentialsProvider>& own() const { return own_; }

    // The keys of a role, fetched with our own when they are first asked for, and kept fresh as
    // long as they are. One provider for all who name the same role and external id at a time.
    // Errors: exhausted "too_many_roles" if as many are in use; invalid "bad_role_arn" where
    // requests are not signed.
    using Lease = std::shared_ptr<s3client::CredentialsProvider>;
    base::Result<Lease> of_role(const std::string& role_arn, const std::string& external_id);

    std::size_t roles() const;

  private:
    using RoleKey = std::pair<std::string, std::string>;  // ARN, external id
    struct Role {
        std::shared_ptr<s3client::RefreshingCredentials> credentials;
        std::size_t users = 0;
        std::uint64_t last_use = 0;
    };

    explicit EngineCredentials(const EngineSettings& settings);
    base::Status start_lane(const std::shared_ptr<io::TlsContext>& tls,
                            const std::shared_ptr<const s3client::ProxyRules>& proxies);
    base::Status choose_own(const EngineConfig& config, const EngineSettings& settings);
    std::shared_ptr<s3client::RefreshingCredentials> refreshed(
        std::unique_ptr<s3client::CredentialSource> source);
    bool make_room();
    void give_back(const RoleKey& key);

    const s3client::StsSettings sts_;
    io::WorkerThread worker_;
    std::unique_ptr<s3client::ConnectionPool> connections_;        // on the lane
    std::shared_ptr<s3client::RefreshingCredentials> refreshing_;  // own_, if it is fetched
    std::shared_ptr<s3client::CredentialsProvider> own_;
    bool signs_ = true;
    mutable std::mutex mutex_;  // guards roles_ and uses_
    std::map<RoleKey, Role> roles_;
    std::uint64_t uses_ = 0;
    std::unique_ptr<io::Lane> lane_;  // ends before what it works for
};

}  // namespace archive
