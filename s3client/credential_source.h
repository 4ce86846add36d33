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

#include "io/task.h"
#include "io/worker_thread.h"
#include "s3client/connection_pool.h"
#include "s3client/credentials.h"
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

// A small text file, read on the worker. Errors: invalid "unreadable_file", which names it.
io::Task<base::Result<std::string>> read_text_file(FetchContext context, std::string path,
                                                   std::size_t size_max);

// The bounds of one request that may take `timeout`, within those of the fetch.
io::Bounds within(const FetchContext& context, base::Duration timeout);

}  // namespace s3client
