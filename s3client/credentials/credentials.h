// Who signs: an access key, and the providers that know where it comes from.
//
// get() never blocks and does no I/O: it hands out the newest snapshot, so it may be called for
// every request on any thread. Providers that fetch (instance metadata, containers) do so elsewhere
// and swap the snapshot; renew() is for whoever was told that his has expired. A snapshot is
// immutable and shared; hold it only for the request it signs, or a refresh goes unnoticed.
// Credentials have no operator<< and must never get one: they appear in no log, error or test
// output.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "io/bounds.h"
#include "io/reactor.h"
#include "io/task.h"
#include "s3client/environment.h"

namespace s3client {

struct Credentials {
    std::string access_key_id;
    std::string secret_access_key;
    std::string session_token;                // empty: long-lived keys
    std::optional<base::UtcTime> expires_at;  // none: they do not expire, or nobody said when

    // No key: requests are sent unsigned, as public buckets allow.
    bool anonymous() const { return access_key_id.empty(); }
};
using CredentialsSnapshot = std::shared_ptr<const Credentials>;

// Both halves are there and every byte can stand in a header. Errors: invalid "bad_credentials",
// which names the field and never its value.
base::Status check_credentials(const Credentials& credentials);

class CredentialsProvider {
  public:
    virtual ~CredentialsProvider() = default;

    // Errors: denied "no_credentials" when there are none, with what was looked for.
    virtual base::Result<CredentialsSnapshot> get() = 0;

    // A snapshot other than `refused` (nullptr: any), fetched if need be, within the bounds; the
    // caller is on `here`. Errors: denied "credentials_unchanged" if there are no others; those of
    // whoever fetches.
    virtual io::Task<base::Result<CredentialsSnapshot>> renew(io::Reactor& here,
                                                              CredentialsSnapshot refused,
                                                              io::Bounds bounds);
};

// Keys that stay as given: from flags or the settings file. Errors: invalid "bad_credentials" for
// half a pair or for bytes that cannot stand in a header.
base::Result<std::unique_ptr<CredentialsProvider>> static_credentials(Credentials credentials);

// Gives Credentials that are anonymous().
std::unique_ptr<CredentialsProvider> anonymous_credentials();

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; read once, here. No variable at all
// is no error yet: get() then reports it, so that a later provider of a chain may be asked instead.
// One key without the other is an error.
base::Result<std::unique_ptr<CredentialsProvider>> environment_credentials(
    const Environment& environment);

}  // namespace s3client
