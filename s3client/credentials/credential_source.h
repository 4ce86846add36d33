// A CredentialSource fetches credentials from one place: files, a process, a container's or
// instance's metadata service, STS. It may take seconds and may be asked again when they run out.
//
// fetch() runs on the reactor of the context and is not called again before it ended; everything in
// the context outlives it. Files and processes are read on the WorkerThread. A source reads no
// variable and no file when it is made, so that what changes is seen at the next fetch.
//
// Errors: code "no_credentials" means that nothing of this kind is set up here, ask the next one of
// a chain; every other code means that something is, and fails. No error holds a key or token.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/task.h"
#include "io/worker_thread.h"
#include "s3client/connection_pool.h"
#include "s3client/credentials/credentials.h"
#include "s3client/credentials/profile.h"
#include "s3client/environment.h"

namespace s3client {

struct FetchContext {
    io::Reactor& reactor;
    io::WorkerThread& worker;
    ConnectionPool& connections;  // of the reactor
    io::Bounds bounds;            // of the whole fetch
};

class CredentialSource {
  public:
    virtual ~CredentialSource() = default;
    virtual std::string name() const = 0;  // for messages: "container credentials"
    virtual io::Task<base::Result<Credentials>> fetch(FetchContext context) = 0;
};

inline constexpr std::string_view kNoCredentials = "no_credentials";

// How a metadata service is asked.
struct Attempts {
    unsigned count;
    base::Duration timeout;  // of each request
    base::Duration pause;    // between attempts
};
inline constexpr Attempts kContainerAttempts{3, std::chrono::seconds(2), std::chrono::seconds(1)};
inline constexpr Attempts kInstanceAttempts{2, std::chrono::seconds(1), base::Duration::zero()};
inline constexpr Attempts kStsAttempts{3, std::chrono::seconds(5), std::chrono::seconds(1)};

// AWS_ACCESS_KEY_ID and so on.
std::unique_ptr<CredentialSource> environment_source(Environment environment);

// ECS, Fargate, EKS Pod Identity: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, else _FULL_URI, with
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, else _TOKEN. Plain http goes to this machine and to the
// agents' addresses only.
std::unique_ptr<CredentialSource> container_source(Environment environment,
                                                   Attempts attempts = kContainerAttempts);

// EC2 instance metadata, version 2 only: AWS_EC2_METADATA_DISABLED,
// AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4 or IPv6). A
// machine that has none and one that does not answer look alike: both are "no_credentials".
std::unique_ptr<CredentialSource> instance_source(Environment environment,
                                                  Attempts attempts = kInstanceAttempts);

// Where STS is and how it is asked.
struct StsSettings {
    Environment environment;
    std::string region;              // "" if none is known
    std::string regional_endpoints;  // sts_regional_endpoints of the profile
    Attempts attempts = kStsAttempts;
};
// AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME: EKS service accounts.
std::unique_ptr<CredentialSource> web_identity_source(Environment environment,
                                                      Attempts attempts = kStsAttempts);
// The same with all given; the token file is read at each fetch.
std::unique_ptr<CredentialSource> web_identity_source(WebIdentity identity, StsSettings sts);
// The keys of `role`, asked for with those of `base`.
std::unique_ptr<CredentialSource> assume_role_source(std::unique_ptr<CredentialSource> base,
                                                     RoleToAssume role, StsSettings sts);
// The same with those that `base` has at the time; they are renewed once if STS says that they have
// expired.
std::unique_ptr<CredentialSource> assume_role_source(std::shared_ptr<CredentialsProvider> base,
                                                     RoleToAssume role, StsSettings sts);
std::unique_ptr<CredentialSource> fixed_source(Credentials credentials);

// What the profile says (AWS_PROFILE, AWS_CONFIG_FILE...; profile.h), if it assumes roles, or if it
// does not: a chain asks the two at different times. A profile that is named must exist.
enum class ProfilePart : std::uint8_t { roles, keys };
std::unique_ptr<CredentialSource> profile_source(Environment environment, ProfilePart part,
                                                 Attempts sts_attempts = kStsAttempts);

// Asks each in turn until one has something, and only that one from then on; name() tells which.
std::unique_ptr<CredentialSource> chain_source(
    std::vector<std::unique_ptr<CredentialSource>> sources);
// All of the above as botocore orders them: environment, roles of the profile, web identity, keys
// of the profile, container, instance. Without the environment's and its web identity for who was
// told a profile by more than a variable.
enum class ChainOf : std::uint8_t { all, profile_first };
std::unique_ptr<CredentialSource> default_source(const Environment& environment,
                                                 ChainOf chain = ChainOf::all);

// Both profile files, at once: for a WorkerThread or before there are reactors. A file that is not
// there, or is in its usual place and not ours to read, is an empty one. Errors: those of
// parse_profiles(); "unreadable_file"; "bad_profile" if the profile is named and does not exist.
base::Result<Profiles> read_profiles(const ProfileLocation& location);

// A small text file, read on the worker. Errors: "unreadable_file", which names it; its kind is
// not_found if there is none, denied if it is not ours to read, else invalid.
io::Task<base::Result<std::string>> read_text_file(FetchContext context, std::string path,
                                                   std::size_t size_max);

// The bounds of one request that may take `timeout`, within those of the fetch.
io::Bounds within(const FetchContext& context, base::Duration timeout);

}  // namespace s3client
